/**
 * A shim for BoringSSL's protocol tests (bogo), client side, over the public engine.
 *
 * Exit status 0: the connections went as the flags say; 1: they did not, with `:code:` and BoringSSL's names for it on
 * standard error; 89: the flags ask for something that is not implemented.
 */
import type { HawserError } from "../../src/codec/index.ts";
import { AlertReceived, type Session, TlsError } from "../../src/tls/index.ts";
import { boringNames } from "./error-names.ts";
import { failedExpectation } from "./expectations.ts";
import { parseFlags, type ShimRun } from "./flags.ts";
import { shimConfig } from "./shim-config.ts";
import { ShimConnection } from "./shim-connection.ts";

const UNIMPLEMENTED = 89;

/** What a shim's process ends with. */
export type ShimResult = { readonly status: number; readonly stderr: string; readonly stdout?: string };

/** One run of the shim, with as many connections as its flags want. */
export async function runShim(argv: readonly string[]): Promise<ShimResult> {
  // Asked once by the runner: its second program, for servers, is not ours.
  if (argv.includes("-is-handshaker-supported")) return { status: 0, stderr: "", stdout: "No\n" };
  const run = parseFlags(argv);
  if ("unimplemented" in run) return unimplemented(run.unimplemented);
  return runConnections(run);
}

async function runConnections({ initial, resumed }: ShimRun): Promise<ShimResult> {
  let session: Session | undefined;
  for (let round = 0; round <= initial.resumeCount; round++) {
    const options = round === 0 ? initial : resumed;
    const config = shimConfig(options, session);
    if ("unimplemented" in config) return unimplemented(config.unimplemented);
    const connection = new ShimConnection(options, config);
    const error = await connection.done;
    if (connection.unimplemented !== undefined) return unimplemented(connection.unimplemented);
    if (error) return failure(error);
    const unexpected = failedExpectation(options, connection, round > 0);
    if (unexpected !== undefined) return { status: 1, stderr: `:expectation: ${unexpected}\n` };
    session = connection.session ?? session;
  }
  return { status: 0, stderr: "" };
}

function unimplemented(what: string): ShimResult {
  return { status: UNIMPLEMENTED, stderr: `:unimplemented: ${what}\n` };
}

function failure(error: HawserError): ShimResult {
  const alert = error instanceof TlsError ? error.alert : error instanceof AlertReceived ? error.wire : undefined;
  const names = boringNames(error.code, typeof alert === "number" ? alert : undefined).join(" ");
  return { status: 1, stderr: `:${error.code}: ${error.message} ${names}\n` };
}

if (import.meta.main) {
  const { status, stderr, stdout = "" } = await runShim(process.argv.slice(2));
  process.stdout.write(stdout);
  process.stderr.write(stderr, () => process.exit(status));
}

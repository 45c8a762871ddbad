import { SE05X_DIGEST } from "../apdu/se05x/index.ts";
import { UsageError } from "../codec/index.ts";
import { type Clock, type SecureElement, verifierOverDigests } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { A71ch, A71chCertificateVerifier, A71chTlsSecrets } from "../host/a71ch/index.ts";
import { secretObject, Se05x, Se05xCertificateVerifier, type Se05xDerivation, Se05xTls } from "../host/se05x/index.ts";
import { type EarlySecrets, earlySecretRequest } from "../tls/index.ts";
import type { ConnectOptions } from "../tls/node.ts";
import type { AgentErrorCode } from "./errors.ts";

/** The operations of a handshake that a chip can be asked to do, and what each of them is. */
export const CHIP_OPERATIONS = {
  random: "the client random",
  "key-share": "the ephemeral key and, without premaster, its agreement",
  premaster: "the premaster secret of key-share or pre-shared key, which stays in the chip; TLS 1.2",
  master: "the master secret; TLS 1.2",
  sign: "the proof that we hold our certificate's key",
  verify: "the check of the server's handshake signature",
  chain:
    "the checks of the signatures of the server's certificates; where the chip then keeps the server's key, also verify",
} as const satisfies Readonly<Record<string, string>>;

export type ChipOperation = keyof typeof CHIP_OPERATIONS;

export type ChipOperationsOptions = {
  readonly element: SecureElement;
  readonly operations: ReadonlySet<ChipOperation>;
  /** Where the chip holds a pre-shared key: a slot or, in an SE05x, an object identifier; an A71CH's may take several slots. */
  readonly psk?: { readonly slot: number; readonly blocks?: number };
  /** Whether only TLS 1.3 is to be offered. */
  readonly only13?: boolean;
  /** The A71CH's slot that ephemeral keys replace; an SE05x makes them in transient memory. */
  readonly agreementSlot: number;
  /** The A71CH's public key slot that keeps the server's key, with `chain`: each handshake wears it. Without, the key comes along. */
  readonly serverKeySlot?: number;
  readonly derivation?: Se05xDerivation;
  readonly clock: Clock;
};

type Parts = Pick<ConnectOptions, "random" | "keyAgreement" | "secrets" | "verifier" | "chainVerifier" | "schemes">;

/** Ports of a chip for the operations that it is to do; `sign` is not among them. Throws `not-in-chip` with what the chip cannot. */
export function chipOperations(options: ChipOperationsOptions): Parts {
  const { element, operations } = options;
  checkSecrets(options);
  const verifies = operations.has("verify") || operations.has("chain");
  return {
    ...(operations.has("random") ? { random: element.random } : {}),
    ...(operations.has("verify") ? { verifier: verifierOverDigests(element.verifier, nodeHash) } : {}),
    ...(operations.has("chain") ? { chainVerifier: certificateVerifier(options) } : {}),
    // A server that is asked for what the chip cannot check would be refused for nothing.
    ...(verifies ? { schemes: schemesOf(element) } : {}),
    ...secretParts(options),
  };
}

/** The early secrets of a pre-shared key that is in the chip, by the chip's own HKDF: for TLS 1.3. RFC 8446, section 7.1 */
export async function chipEarlySecrets(
  element: SecureElement,
  { slot, blocks = 1 }: { readonly slot: number; readonly blocks?: number },
): Promise<EarlySecrets> {
  const { salt, length, ...infos } = earlySecretRequest(nodeHash, "sha256");
  const derive = async (info: Uint8Array): Promise<Uint8Array> => {
    if (element instanceof A71ch) {
      return (await element.send("extractAndExpand", { slot, blocks, length, salt, info })).derived;
    }
    if (!(element instanceof Se05x)) throw notInChip("this chip derives no keys");
    const objectId = secretObject(slot);
    return (await element.send("hkdf", { objectId, algorithm: SE05X_DIGEST.sha256, salt, info, length })).derived;
  };
  return { binderKey: await derive(infos.binderKey), derivedSecret: await derive(infos.derivedSecret) };
}

/** What premaster and master secret depend on, whichever chip makes them. */
function checkSecrets({ operations, psk, only13 = false, derivation }: ChipOperationsOptions): void {
  const has = (operation: ChipOperation) => operations.has(operation);
  if ((has("premaster") || has("master")) && only13) {
    throw notInChip("premaster and master are secrets of TLS 1.2, and the chips have no commands for those of TLS 1.3");
  }
  if (psk && !only13 && !(has("premaster") && has("master"))) {
    throw notInChip("a pre-shared key that is in the chip needs premaster and master there as well");
  }
  if (has("premaster") && !has("master")) {
    throw notInChip("the premaster secret does not leave the chip, so master must be there as well");
  }
  if (has("premaster") && !has("key-share") && !psk) {
    throw notInChip("premaster needs something of the chip's to make it of: key-share, or a pre-shared key");
  }
  if (has("master") && has("key-share") && !has("premaster")) {
    throw notInChip("with key-share and master in the chip, premaster is made there as well");
  }
  if (derivation === "prf" && has("master") && !has("random")) {
    throw notInChip("the chip's PRF command takes its own client random only: random must be there as well");
  }
}

function secretParts(options: ChipOperationsOptions): Parts {
  const { element, operations, psk, agreementSlot, derivation = "codes", clock } = options;
  const common = { hash: nodeHash, clock };
  if (element instanceof Se05x) {
    const tls = new Se05xTls(element);
    const secrets = () => tls.secrets({ ...common, derivation, ...(psk ? { psk: psk.slot } : {}) });
    return {
      ...(operations.has("key-share")
        ? { keyAgreement: operations.has("premaster") ? tls.premasterAgreement : tls.keyAgreement }
        : {}),
      ...(operations.has("master") ? { secrets: secrets() } : {}),
    };
  }
  const keyAgreement = operations.has("key-share") ? { keyAgreement: element.keyAgreement(agreementSlot) } : {};
  if (!operations.has("master")) return keyAgreement;
  if (!(element instanceof A71ch)) throw notInChip("this chip makes no secrets of TLS");
  if (!psk) throw notInChip("an A71CH makes master secrets of pre-shared keys only: say in which slot one is");
  if (!operations.has("random"))
    throw notInChip("an A71CH takes its own client random only: random must be there as well");
  const { slot: pskSlot, blocks: pskBlocks = 1 } = psk;
  return { ...keyAgreement, secrets: new A71chTlsSecrets(element, { ...common, pskSlot, pskBlocks }) };
}

function certificateVerifier({ element, serverKeySlot }: ChipOperationsOptions) {
  if (element instanceof Se05x) return new Se05xCertificateVerifier(element, nodeHash);
  if (element instanceof A71ch && serverKeySlot !== undefined) {
    return new A71chCertificateVerifier(element, nodeHash, serverKeySlot);
  }
  return verifierOverDigests(element.verifier, nodeHash);
}

function schemesOf(element: SecureElement): NonNullable<ConnectOptions["schemes"]> {
  const p256 = ["ecdsa_secp256r1_sha256"] as const;
  return element instanceof Se05x ? [...p256, "ecdsa_secp384r1_sha384"] : p256;
}

function notInChip(message: string): UsageError<AgentErrorCode> {
  return new UsageError<AgentErrorCode>("not-in-chip", message);
}

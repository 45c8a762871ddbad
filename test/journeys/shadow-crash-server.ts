/** Shadows over a directory, in a process that can be killed. Forked by shadow-crash.test.ts with the directory. */
import { Shadows } from "../../src/cloud/shadows/index.ts";
import { openStore } from "../../src/cloud/store/node.ts";
import { utf8Bytes } from "../../src/codec/index.ts";
import { nodeClock } from "../../src/crypto/node.ts";

/** What the test asks: to write a number into a shadow, or, without one, to read it. */
export type Asked = { readonly thing: string; readonly name: string; readonly n?: number };
export type Answered = Asked & { readonly version: number };

const directory = process.argv[2] ?? "";
const store = await openStore({ directory });
/** What subscribers were told, by shadow: never more than what is on the disk. */
const told: Answered[] = [];
const publish = (topic: string, payload: Uint8Array): void => {
  const [, , thing = "", , ...rest] = topic.split("/");
  if (!topic.endsWith("/update/accepted")) return;
  const { state, version } = JSON.parse(new TextDecoder().decode(payload)) as Accepted;
  told.push({ thing, name: rest[0] === "name" ? (rest[1] ?? "") : "", n: state.reported.n, version });
};
const shadows = new Shadows({ store, clock: nodeClock, publish });

type Accepted = { readonly version: number; readonly state: { readonly reported: { readonly n: number } } };

async function serve({ thing, name, n }: Asked): Promise<void> {
  const payload = n === undefined ? new Uint8Array() : utf8Bytes(JSON.stringify({ state: { reported: { n } } }));
  const how = n === undefined ? "get" : "update";
  const { version, state } = (await shadows[how]({ thing, name }, { payload })) as unknown as Accepted;
  process.send?.([...told.splice(0), { thing, name, n: state.reported.n, version }] satisfies Answered[]);
}

process.on("message", (asked: Asked) => void serve(asked));
process.once("disconnect", () => process.exit(0));
process.send?.("ready");

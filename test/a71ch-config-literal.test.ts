/**
 * Forms of which one might expect another end. NXP's A71CHConfigTool (host library 04.02, JRCP v1 and v2) was run for each
 * against the same chip: its exit statuses, and what it leaves in the chip, are the vectors; what is not done as typed is
 * said.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";

import { checkSaid, keyLines, original, run as runTool } from "./a71ch-tool.ts";

test("a71chConfig finds objects by four bits of their index, as the original does, and says which one it took", async (t) => {
  const { rows, line } = await original(t);
  await rows(
    ["obj write -x 16 -h 0102", 0, /^data object 16 will be found as -x 0 alone/],
    ["obj get -x 16", 38, "tool-index"],
    ["obj get -x 0", 0, /^-x 0 is taken for data object 16: the first in storage/],
    ["obj write -x 0 -h 0304", 0],
    ["obj update -x 0 -h 0000 -h ff", 0, /^-x 0 is taken for data object 16/],
    ["obj erase -x 16", 38, "tool-index"],
    ["obj erase -x 0", 0, /^-x 0 is taken for data object 16/],
    ["obj get -x 0", 0],
    ["wcrt -x 31 -h 3003010203", 0, /^certificate 31 will be found as -x 15 alone/],
    ["rcrt -x 31", 38, "tool-index"],
    ["ucrt -x 31 -h 3003010204", 1, "tool-nothing-to-update"],
    ["ucrt -x 15 -h 3003010204", 0, /^-x 15 is taken for certificate 31/],
    ["rcrt -x 15", 0, /^-x 15 is taken for certificate 31/],
    ["ecrt -x 15", 0, /^-x 15 is taken for certificate 31/],
    ["ecrt -x 15", 38, "tool-object"],
    // No certificate, but an element with a tag of three bytes: it comes back without what is free behind it.
    ["wcrt -x 1 -h 1f8101020506 -n 2", 0],
    ["rcrt -x 1", 0],
  );
  assert.equal((await line("rcrt -x 1")).fields.at(-1)?.certificate, "1f8101020506");
  assert.equal((await line("obj get -x 0")).fields.at(-1)?.data, "0304");
});

test("a71chConfig looks among five objects of a kind, like the original, and says so when there come to be six", async (t) => {
  const { rows, line } = await original(t);
  for (const index of [0, 1, 2, 3, 4]) {
    await rows([`obj write -x ${index} -h 0${index}`, 0], [`wcrt -x ${index} -h 300301020${index}`, 0]);
  }
  await rows(
    ["obj get -x 4", 0],
    ["ucrt -x 4 -h 30030102ff", 0],
    ["obj write -x 5 -h 05", 0, /^with data object 5 there are 6 of its kind: .*'obj erase' find none$/],
    ["wcrt -x 5 -h 3003010205", 0, /^with certificate 5 there are 6 of its kind: .*'ucrt' finds none$/],
    ["obj get -x 0", 37, "tool-many-objects"],
    ["obj update -x 0 -h 0000 -h ff", 37, "tool-many-objects"],
    ["obj erase -x 0", 37, "tool-many-objects"],
    ["ucrt -x 0 -h 30030102fe", 1, "tool-many-certificates"],
    ["rcrt -x 5", 0],
    ["ecrt -x 5", 0],
    ["ucrt -x 0 -h 30030102fe", 0],
  );
  assert.equal((await line("info objects")).text.match(/data object|certificate/g)?.length, 11);
});

test("a71chConfig looks for no place behind frozen storage, and begins nothing where the table is frozen, like the original", async (t) => {
  const { rows, line } = await original(t);
  await rows(
    ["lock gp -h 0020 -n 1", 0],
    ["obj write -x 0 -n 2", 1, "tool-place"],
    ["wcrt -x 0 -h 3020" + "00".repeat(32), 1, "tool-place"],
    ["obj write -x 0 -n 1", 0],
    ["obj write -x 1 -n 1", 0],
    ["lock gp -h 0fe0 -n 1", 0],
    ["obj write -x 2 -h 77", 1, "tool-frozen-table"],
  );
  const { objects } = (await line("info objects")).fields.at(-1) as { objects: { offset: number }[] };
  assert.deepEqual(
    objects.map(({ offset }) => offset),
    [0, 0x40],
    "behind the first object it goes on looking",
  );
  assert.match((await line("info gp -h 0060 -n 1")).text, /0x0060 {2}0{64}/, "no byte of what has no place");
});

test("a71chConfig info objects ends with the low byte of the status word, as the original does", async (t) => {
  const locked = await original(t);
  await locked.rows(["set cfg -x 0 -h K16", 0], ["transport lock", 0], ["info objects", 0x85, "tool-listing"]);
  const small = await original(t, "A");
  await small.rows(["obj write -x 0 -h 01", 0], ["info objects", 0x86, "tool-listing"]);
  assert.match((await small.line("info objects")).text, /data object 0: at 0x0000/, "they are listed all the same");
});

test("a71chConfig reads EC PRIVATE KEY wherever it stands, and no PKCS #8, which it tells how to convert", async (t) => {
  const { rows, file, inFolder, pkcs8, line } = await original(t);
  const text = (name: string) => readFileSync(inFolder(name), "utf8");
  file("p8.key", pkcs8);
  file("p8-and-pub.pem", `${pkcs8}${text("pub.pem")}`);
  file("pub-and-ec.pem", `${text("pub.pem")}${pkcs8}${text("key.pem")}`);
  for (const command of [
    "set pair -x 0 -k @p8.key",
    "set pub -x 0 -k @p8.key",
    "refpem -c 10 -x 0 -k @p8.key -r @ref",
  ]) {
    await rows([command, 24, "tool-pkcs8"]);
  }
  await rows(
    ["set pair -x 1 -k @p8-and-pub.pem", 22, "tool-no-private-key"],
    ["set pub -x 0 -k @p8-and-pub.pem", 0],
    ["set pair -x 1 -k @pub-and-ec.pem", 0],
  );
  const { failure } = await line("set pair -x 0 -k @p8.key");
  const [, convert = ""] = /convert it: openssl (.*)\n/.exec(failure) ?? [];
  assert.match(convert, /^ec -in .*p8\.key -out .*p8-ec\.pem$/);
  if (spawnSync("openssl", convert.split(" ")).status === 0) await rows(["set pair -x 0 -k @p8-ec.pem", 0]);
});

test("a71chConfig sends nothing into a channel that the chip forgot until scp clear_host, like the original", async (t) => {
  const { file, inFolder, line } = await original(t);
  const k = file("k", keyLines(["ENC", "MAC", "DEK"]));
  const other = file("other", keyLines(["MAC", "DEK", "ENC"]).replace(/4d/g, "4e"));
  const open = `scp put -h 21 -k ${k}\nscp auth -h 21 -k ${k}\n`;
  const sessions: readonly (readonly [input: string, status: number, said?: RegExp])[] = [
    [`${open}debug reset\n`, 0, /like the original, has not: commands end with 1 until 'scp clear_host'/],
    [`${open}debug reset\ngen pair -x 0\n`, 1, /Give 'scp clear_host'/],
    [`${open}debug reset\nobj get -x 0\n`, 37, /does not know the secure channel/],
    [`${open}debug reset\nscp auth -h 21 -k ${k}\ngen pair -x 0\n`, 1, /refused with/],
    [`${open}debug reset\ndebug reset\n`, 0, /commands end with 1/],
    [`${open}debug reset\nscp clear_host\ngen pair -x 0\n`, 0, /commands end with 1/],
    [`${open}debug reset\n${open}gen pair -x 0\ndebug reset\n`, 0, /commands end with 1/],
    [`${open}scp auth -h 21 -k ${other}\ninfo device\n`, 1, /does not know the secure channel/],
    ["debug reset\n", 0],
    [`${open}scp put -h 22 -k ${k}\n`, 1, /no channel keys were sent/],
    ["scp clear_host\ndebug reset\n", 0],
    [`${open}apdu -cmd 8012000000 -sw 9000\n`, 1, /goes out in the clear, beside the secure channel/],
    ["debug reset\n", 0],
    [`${open}apdu -cmd 0000000000 -sw 6D00\ngen pair -x 0\n`, 0, /goes out in the clear/],
    ["debug reset\n", 0],
  ];
  for (const [input, status, said] of sessions) checkSaid(input, await line("interactive", input), status, said);
  const put = `${open}scp put -h 22 -k ${k}\n`;
  checkSaid(put, await line("interactive", put), 1, "tool-put-in-channel");
  await line("debug reset");
  const again = `connect open\n${open}connect close\nconnect open\ninfo device\n`;
  checkSaid(again, await line("nc interactive", again), 1, "tool-channel-forgotten");
  assert.doesNotMatch(inFolder("k"), /4545/);
});

test("a71chConfig connect open opens what began with nc over JRCP v1, and nothing else, like the original", async (t) => {
  const { line, address } = await original(t);
  const input = "connect close\nconnect open\n";
  checkSaid(input, await line("interactive", input), 1, "tool-no-reopen");
  assert.equal((await line("nc interactive", `connect open\n${input}info cnt\n`)).status, 0);
  const overV2 = await runTool([`jrcp2:${address}`, "nc", "connect", "open"]);
  checkSaid("nc connect open", overV2, 1, "tool-no-reopen");
  assert.equal((await runTool([`jrcp2:${address}`, "info", "cnt"])).status, 0);
  const long = "apdu -cmd 809500ff00 -sw 9000";
  assert.equal((await line(long)).status, 0);
  checkSaid(long, await runTool([`jrcp2:${address}`, ...long.split(" ")]), 1, /257 bytes; over JRCP v2 .* 256/);
});

test("a71chConfig takes lines as fgets and strtok give them to the original: tabs do not separate, and 1023 characters are a line", async (t) => {
  const { line, file, rows } = await original(t);
  const wide = (text: string, length: number) => text.padEnd(length);
  const cases: readonly (readonly [text: string, typed: number, scripted: number, said?: RegExp])[] = [
    ["gen\tpair -x 0\n", 21, 21, /there is no command gen\\tpair: tabs do not separate/],
    ["info cnt\r\n", 21, 0, /not cnt\\r: the carriage return/],
    ["\t# remark\n", 21, 0],
    [`${wide("info cnt", 1022)}\n`, 0, 0],
    [`${wide("info cnt", 1023)}\n`, 33, 33, /line 1 is longer than 1023 characters/],
    [`${wide("info cnt", 1023)}info pub\n`, 0, 0, /line 1 is longer than 1023 characters/],
    [`${wide("info cnt", 1023)}info sail\n`, 21, 21, /line 1 is longer than 1023 characters/],
    [`info cnt #${"ä".repeat(510)}nonsense`, 21, 21, /there is no command/],
    ["info cnt\0zz\n", 0, 0],
  ];
  for (const [text, typed, scripted, said] of cases) {
    file("lines", text);
    for (const [status, got] of [
      [typed, await line("interactive", text)],
      [scripted, await line("script -f @lines")],
    ] as const) {
      assert.equal(got.status, status, `${JSON.stringify(text)}: ${got.failure}`);
      if (status !== 0 && said) assert.match(`${got.warnings.join("\n")}${got.failure}`, said);
    }
  }
  file("two", "interactive\ninteractive\n");
  const both = await line("script -f @two", "gen pair -x 0\nquit\ngen pair -x 1\nquit\n");
  assert.equal(
    both.fields.filter(({ index }) => index !== undefined).length,
    2,
    "the second goes on where the first ended",
  );
  await rows(["erase pair -x 1", 0]);
});

test("a71chConfig ends like the original wherever the chip disappears in the middle of a command", async (t) => {
  const { line, address, inFolder } = await original(t);
  for (const first of ["gen pair -x 0", "wcrt -x 0 -h 3003010203"]) await line(first);
  const statuses: Readonly<Record<string, readonly number[]>> = {
    "info cnt": [0, 1, 12],
    "info objects": [0, 1, 12, 16, 17],
    [`refpem -c 10 -x 0 -r ${inFolder("ref")}`]: [0, 12, 25],
    "rcrt -x 0": [0, 1, 12, 37, 38],
    "ucrt -x 0 -h 3003010204": [0, 1, 12],
    "info pair": [0, 1, 12],
    "ecrt -x 0": [0, 12, 37, 38, 40],
  };
  for (const [words, expected] of Object.entries(statuses)) {
    const seen = new Set<number>();
    for (let frames = 0; frames < 14; frames++) {
      const server = await vanishing(address, frames);
      const { status, warnings } = await runTool([server.address, ...words.split(" ")]);
      seen.add(status);
      // Counters that nobody tells any more are no failure of the original's, and so a warning here.
      if (words === "info cnt" && frames === 5) assert.match(warnings.join(), /counter 0 is shown as n.a.: .*closed/);
      server.close();
    }
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      expected,
      words,
    );
  }
});

/** A way to a chip that ends once so many frames went over it. */
async function vanishing(address: string, frames: number) {
  let count = 0;
  const server = createServer((near) => {
    const far = connect(Number(address.split(":")[1]), "127.0.0.1");
    near.on("data", (frame) => void (count++ < frames ? far.write(frame) : near.destroy()));
    far.pipe(near);
    near.on("close", () => far.destroy());
    for (const end of [near, far]) end.on("error", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, close: () => server.close() };
}

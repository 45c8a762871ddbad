/** Blocks that NXP's own stacks for T=1 sent over a simulated bus, and the chip's answers that they went on with. */
import assert from "node:assert/strict";
import { test } from "node:test";

import type { T1Form } from "../apdu/index.ts";
import { fromHex, toHex } from "../codec/index.ts";
import { T1Front } from "./t1-front.ts";

const ATR = "00a0000003960403e800fe020b03e80801000000006400000a4a434f5034204154504f";

/** A card that says what a chip said then, and counts its resets. */
function front(form: T1Form, exchanges: Record<string, string>) {
  let resets = 0;
  const card = {
    readerName: "SE05x",
    exchange: (command: Uint8Array) => fromHex(exchanges[toHex(command)] ?? assert.fail(toHex(command))),
    reset(): Uint8Array {
      resets++;
      return fromHex(ATR);
    },
  };
  const chip = new T1Front(card, { form });
  const answers = (block: string): string => toHex(chip.receive(fromHex(block)) ?? assert.fail(block));
  return { answers, resets: () => resets };
}

test("T1Front answers the stack of NXP's nano package 1.5.4 block by block, and a resynchronisation keeps the channel", () => {
  const { answers, resets } = front("nxp", {
    "00a4040010a000000396545300000001030000000000": "07020007fe010b9000",
    "80500b00081122334455667788": "000000000000000000000b0300e1968c515760551e3ebe63e23b19f6649000",
    "848233001072d70668b45e36b5261493f9eff2674b": "9000",
    "84040020087d45bbe626091900": "8dec0a0e353592f7b7b58f033a4e678bd5028928d819664b9000",
    "840400200815559be6845982e1": "df9d445ebdeb23dd79e8b4da99cde971fa0b5d8f89b6430d9000",
  });
  assert.equal(answers("5ac000fffc"), "a5e0003f19");
  assert.equal(answers("5ac700f7b1"), `a5e723${ATR}2a8d`);
  const before = resets();
  const talk = [
    ["5a001600a4040010a000000396545300000001030000000000a8c8", "a5000907020007fe010b9000810c"],
    [
      "5a400d80500b00081122334455667788a4e8",
      "a5401f000000000000000000000b0300e1968c515760551e3ebe63e23b19f664900025f8",
    ],
    ["5a0015848233001072d70668b45e36b5261493f9eff2674b3233", "a50002900002af"],
    ["5a400d84040020087d45bbe6260919003dc3", "a5401a8dec0a0e353592f7b7b58f033a4e678bd5028928d819664b9000d5ee"],
    // Here its example closes the bus and resumes the secure channel through another one.
    ["5ac000fffc", "a5e0003f19"],
    ["5a000d840400200815559be6845982e14185", "a5001adf9d445ebdeb23dd79e8b4da99cde971fa0b5d8f89b6430d9000c276"],
  ];
  for (const [block = "", answer] of talk) assert.equal(answers(block), answer);
  assert.equal(resets(), before, "the card was not reset");
});

test("T1Front answers NXP's stack for GlobalPlatform's form, release 04.03, block by block", () => {
  const { answers } = front("gp", {
    "00a4040010a000000396545300000001030000000000": "07020007fe010b9000",
    "80500b000843d26ac6a5cce2f1": "000000000000000000000b0300da509167c4f2bd0bd6989eaec26140009000",
    "8482330010a12cf896b9d661f86d3920314c109611": "9000",
  });
  const talk = [
    ["5ac00000fffc", "a5e000003915"],
    ["5ac400009c9d", "a5e4001201000208000503e8000a00000403e800fe00af83"],
    ["5a00001600a4040010a000000396545300000001030000000000f903", "a500000907020007fe010b9000c6fc"],
    [
      "5a40000d80500b000843d26ac6a5cce2f1a380",
      "a540001f000000000000000000000b0300da509167c4f2bd0bd6989eaec2614000900081dd",
    ],
    ["5a0000158482330010a12cf896b9d661f86d3920314c1096118664", "a50000029000cf2f"],
  ];
  for (const [block = "", answer] of talk) assert.equal(answers(block), answer);
});

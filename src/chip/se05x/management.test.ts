import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { RIGHT, SE05X_AID, SE05X_CREDENTIAL, SE05X_OBJECT } from "../../apdu/se05x/index.ts";
import { concat, fromHex, toHex } from "../../codec/index.ts";
import { MemoryInRam } from "../index.ts";
import { SE05X_MODELS } from "./index.ts";

const A = 0x20000001;
const B = 0x20000002;
const PIN = fromHex("c001020304");

function asUser(host: Host, objectId: number): Host {
  host.send("writeUserId", { insFlags: 0x40, objectId, value: PIN });
  return again(host, objectId);
}

function again(host: Host, objectId: number): Host {
  const session = host.inSession(host.send("createSession", { objectId }).sessionId);
  session.send("verifySessionUserId", { value: PIN });
  return session;
}

test("DeleteAll takes the factory reset credential, and leaves what the part was born with", async () => {
  const { host } = await newSe05x();
  const idsOf = () => toHex(host.send("readIdList", { offset: 0, filter: 0xff }).ids);
  const born = idsOf();
  const locked = [{ authObjectId: B, rights: RIGHT.read, extension: new Uint8Array(0) }];
  host.send("writeBinary", { objectId: A, length: 4, policy: locked });
  assert.equal(host.sw("deleteAll", {}), "6982");
  const wrong = asUser(host, B);
  assert.equal(wrong.sw("deleteAll", {}), "6982");
  const right = asUser(host, SE05X_CREDENTIAL.factoryReset);
  right.send("deleteAll", {});
  assert.equal(idsOf(), born);
  assert.equal(wrong.sw("getVersion", {}), "6985", "sessions of what is gone are gone");
  assert.equal(right.sw("closeSession", {}), "6985");
});

test("SetLockState locks for transport, lifts the lock for good or until the next selection, and only for its credential", async () => {
  const memory = new MemoryInRam();
  const { host } = await newSe05x({ memory });
  const id = SE05X_CREDENTIAL.transport;
  assert.equal(host.sw("setLockState", { indicator: 2, state: 1 }), "6982");
  const transport = asUser(host, id);
  assert.equal(transport.sw("setLockState", { indicator: 3, state: 1 }), "6a80");
  transport.send("setLockState", { indicator: 1, state: 1 });
  assert.equal(host.sw("readObject", { objectId: SE05X_OBJECT.deviceKey }), "9000", "no lasting lock, no lock");
  host.send("select", { aid: SE05X_AID });
  assert.equal(toHex(host.send("readState", {}).state), "000002");
  again(host, id).send("setLockState", { indicator: 2, state: 1 });
  const { host: later } = await newSe05x({ memory });
  assert.equal(toHex(later.send("readState", {}).state), "010002");
  assert.equal(later.send("getVersion", {}).info.appletVersion, 0x070200);
  assert.equal(later.sw("writeUserId", { insFlags: 0x40, objectId: A, value: PIN }), "6985");
  assert.equal(later.sw("deleteObject", { objectId: id }), "6985");
  again(later, id).send("setLockState", { indicator: 1, state: 2 });
  assert.equal(toHex(later.send("readState", {}).state), "000002", "lifted for now");
  assert.equal(later.sw("readObject", { objectId: SE05X_OBJECT.deviceKey }), "9000");
  later.send("select", { aid: SE05X_AID });
  assert.equal(later.sw("readObject", { objectId: SE05X_OBJECT.deviceKey }), "6985", "and locked again");
  again(later, id).send("setLockState", { indicator: 2, state: 0 });
  assert.equal(later.sw("readObject", { objectId: SE05X_OBJECT.deviceKey }), "9000");
});

test("DisableObjCreation forbids new objects, or all changes", async () => {
  const { host } = await newSe05x();
  host.send("writeBinary", { objectId: A, length: 4 });
  assert.equal(host.sw("disableObjectCreation", { indicator: 1, mode: 1 }), "6982");
  const session = asUser(host, SE05X_CREDENTIAL.restrict);
  assert.equal(session.sw("disableObjectCreation", { indicator: 1, mode: 0 }), "6a80");
  session.send("disableObjectCreation", { indicator: 1, mode: 1 });
  assert.equal(host.sw("writeBinary", { objectId: B, length: 4 }), "6986");
  assert.equal(host.sw("writeBinary", { objectId: A, data: PIN.slice(1) }), "9000");
  session.send("disableObjectCreation", { indicator: 2, mode: 2 });
  assert.equal(toHex(host.send("readState", {}).state), "000202");
  assert.equal(host.sw("writeBinary", { objectId: A, data: PIN.slice(1) }), "6986");
  assert.equal(host.sw("deleteObject", { objectId: A }), "6986");
  host.send("select", { aid: SE05X_AID });
  assert.equal(host.sw("writeBinary", { objectId: B, length: 4 }), "6986", "the lasting one lasts");
});

test("SetAppletFeatures turns features off and on again, as far as the part has them", async () => {
  const memory = new MemoryInRam();
  const { host } = await newSe05x({ memory });
  const session = asUser(host, SE05X_CREDENTIAL.feature);
  assert.equal(host.sw("setAppletFeatures", { features: fromHex("0002") }), "6982");
  assert.equal(session.sw("setAppletFeatures", { features: fromHex("000201") }), "6a80");
  session.send("setAppletFeatures", { features: concat(fromHex("0002"), new Uint8Array(30).fill(0x80)) });
  const { host: later } = await newSe05x({ memory });
  const { features, extended } = later.send("getExtVersion", {}).info;
  assert.deepEqual([features, extended], [0x0002, new Uint8Array(30).fill(0x80)]);
  assert.equal(later.send("select", { aid: SE05X_AID }).features, 0x0002);
  assert.equal(later.sw("writeSymmKey", { kind: 3, objectId: A, value: new Uint8Array(16) }), "6985");
  assert.equal(later.sw("writeSymmKey", { kind: 5, objectId: A, value: new Uint8Array(16) }), "6985");
  assert.equal(later.sw("tlsRandom", {}), "6985");
  assert.equal(later.sw("writeEcKey", { part: 0x60, objectId: A }), "9000");
  again(later, SE05X_CREDENTIAL.feature).send("setAppletFeatures", { features: fromHex("ffff") });
  assert.equal(later.send("getVersion", {}).info.features, SE05X_MODELS.se051.features);
});

test("Sessions end by their policies: after so many commands, after so long, and begin anew where that is allowed", async () => {
  const { host, clock } = await newSe05x();
  host.send("writeUserId", { insFlags: 0x40, objectId: B, value: PIN });
  const count = again(host, B);
  count.send("exchangeSessionData", { policy: { maxCommands: 3, allowRefresh: true } });
  assert.equal(count.sw("exchangeSessionData", { policy: { allowRefresh: true } }), "6985", "bounds are given once");
  count.send("refreshSession", {});
  for (let i = 0; i < 3; i++) count.send("getVersion", {});
  assert.equal(count.sw("getVersion", {}), "6985");
  const time = again(host, B);
  time.send("exchangeSessionData", { policy: { maxSeconds: 10, allowRefresh: false } });
  clock.advance(9999);
  assert.equal(time.sw("refreshSession", {}), "6985");
  time.send("getVersion", {});
  clock.advance(1);
  assert.equal(time.sw("getVersion", {}), "6985");
  const late = again(host, B);
  late.send("getVersion", {});
  assert.equal(late.sw("exchangeSessionData", { policy: { allowRefresh: false } }), "6985", "too late for bounds");
  assert.equal(host.sw("refreshSession", {}), "6985");
});

test("The chip tests itself, tells identity data through the application, and attributes of objects", async () => {
  const { host } = await newSe05x();
  for (const mode of [0xfe01, 0xfd02, 0xfc03, 0xfb04, 0xfa05]) {
    assert.equal(host.send("triggerSelfTest", { mode }).result, 1);
  }
  assert.equal(host.sw("triggerSelfTest", { mode: 0xf906 }), "6985", "not in FIPS mode");
  const identify = bytesOf("identify", { tag: 0xdf28 });
  const { answer } = host.send("sendCardManagerCommand", { command: identify });
  assert.equal(host.raw(identify).sw, 0x6d00, "the application has no such command");
  host.send("selectCardManager", {});
  assert.deepEqual(host.send("identify", { tag: 0xdf28 }).data, answer.slice(0, -2));
  assert.equal(host.raw("80ca00fe04df250103").sw, 0x9000, "as NXP's host program asks for garbage collection");
  assert.equal(host.raw("80ca00fe04df250104").sw, 0x6a80);
  assert.equal(toHex(answer).slice(0, 20), "fe45df2842010c0001a9");
  assert.equal(host.send("productionData", {}).data.length, 45);
  host.send("select", { aid: SE05X_AID });
  assert.equal(host.sw("sendCardManagerCommand", { command: bytesOf("getVersion", {}) }), "6985");
  const policy = [{ authObjectId: B, rights: RIGHT.read, extension: new Uint8Array(0) }];
  host.send("writeUserId", { insFlags: 0x40, objectId: A, value: PIN, maxAttempts: 5, policy });
  const session = host.inSession(host.send("createSession", { objectId: A }).sessionId);
  assert.equal(session.sw("verifySessionUserId", { value: PIN.slice(1) }), "6985");
  const expected = `20000001 0c 02 0001 00000000 0005 08 20000002 00200000 01 00000000`.replaceAll(" ", "");
  assert.equal(toHex(host.send("readAttributes", { objectId: A }).attributes), expected);
});

test("Attributes from applet 7 on name curves and end with a version, as NXP's documentation logs them from a part", async () => {
  const { host } = await newSe05x();
  const rights = RIGHT.read | RIGHT.write | RIGHT.delete;
  const policy = [{ authObjectId: 0, rights, extension: new Uint8Array(0) }];
  host.send("writeBinary", { objectId: 0x00f5_effa, length: 32, data: new Uint8Array(32), policy });
  const told = (objectId: number) => toHex(host.send("readAttributes", { objectId }).attributes);
  // NXP's plug-and-trust 04.03, the log in the readme of its example of attested reads.
  assert.equal(told(0x00f5_effa), "00f5effa0b0100000000000000000800000000003400000100000000");
  host.send("writeEcKey", { part: 0x60, objectId: A, curve: 3, policy, version: 7 });
  assert.equal(told(A).slice(8), "290100000000000000000800000000003400000200000007");
  host.send("writeEcKey", { part: 0x20, objectId: B, curve: 0x40, publicKey: new Uint8Array(32).fill(1), policy });
  assert.equal(told(B).slice(8, 12), "6701");
  host.send("writeSymmKey", { kind: 3, objectId: 0x2000_0010, value: new Uint8Array(16), minTagLength: 8, policy });
  assert.equal(told(0x2000_0010).slice(8, 28), "09010008000000000000");
  host.send("writeSymmKey", { kind: 5, objectId: 0x2000_0011, value: new Uint8Array(16), minOutputLength: 20, policy });
  assert.equal(told(0x2000_0011).slice(8, 28), "11010000000000000014");
  for (const objectId of [A, B]) {
    const { type } = host.send("readType", { objectId });
    assert.equal(Number.parseInt(told(objectId).slice(8, 10), 16), type, "as ReadType tells it");
  }
});

test("Timestamps grow from one to the next, in the same millisecond and over resets", async () => {
  for (const model of ["se050", "se051"] as const) {
    const memory = new MemoryInRam();
    const { chip, clock, host } = await newSe05x({ model, memory });
    const seen: string[] = [];
    const look = () => seen.push(toHex(host.send("getTimestamp", {}).timestamp));
    look();
    look();
    const attested = { attestationId: SE05X_OBJECT.attestationKey, algorithm: 0x21, freshness: new Uint8Array(16) };
    seen.push(toHex(host.send("readAttested", { objectId: SE05X_OBJECT.uniqueId, ...attested }).timestamp));
    clock.advance(64);
    look();
    assert.equal(BigInt(`0x${seen[3]?.slice(8)}`) - BigInt(`0x${seen[0]?.slice(8)}`), 64_000n, "microseconds");
    chip.reset();
    look();
    clock.advance(1);
    look();
    assert.deepEqual(seen, [...new Set(seen)].toSorted());
  }
});

test("An SE050 lacks what came with later applets, and says so", async () => {
  const { host } = await newSe05x({ model: "se050" });
  for (const command of [
    bytesOf("getExtVersion", {}),
    bytesOf("readAttributes", { objectId: SE05X_OBJECT.uniqueId }),
    bytesOf("triggerSelfTest", { mode: 0xfe01 }),
    bytesOf("disableObjectCreation", { indicator: 1, mode: 1 }),
  ]) {
    assert.equal(host.raw(command).sw, 0x6d00);
  }
});

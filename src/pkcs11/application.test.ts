import assert from "node:assert/strict";
import { createECDH, createHash } from "node:crypto";
import { test } from "node:test";

import { A71chChip } from "../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../chip/node.ts";
import { concat, fromHex, toHex, utf8Bytes } from "../codec/index.ts";
import { ecdsaRawToDer, ecPublicPoint, SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash, nodeVerifier } from "../crypto/node.ts";
import { A71ch } from "../host/a71ch/index.ts";
import { localTransport } from "../host/index.ts";
import { newCertificateFor } from "./fixtures.test.ts";
import { Ledger } from "../trace/index.ts";
import type { Attribute, AttributeValue } from "./attributes.ts";
import {
  Application,
  type CallName,
  CALLS,
  CKA,
  CKM,
  CKO,
  CKR,
  ckrFor,
  CryptokiError,
  MAX_SESSIONS,
  type ObjectNames,
  PKCS11_ERRORS,
  type RequestOf,
  type ResponseOf,
  Token,
  TokenFailure,
} from "./index.ts";
import { encodeRequest, readAnswer } from "./messages.ts";
import { type PKCS11_CALL_ERRORS, PKCS11_SERVER_ERRORS, type PKCS11_TOKEN_ERRORS } from "./error-codes.ts";

const HANDSHAKE = utf8Bytes("PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1");
const P256 = fromHex("06082a8648ce3d030107");
const NO_PARAMETER = { kind: "none" } as const;
const ECDSA = { type: CKM.ECDSA, parameter: NO_PARAMETER } as const;
const DIGEST = new Uint8Array(createHash("sha256").update("reading").digest());

type Bench = {
  readonly call: <Name extends CallName>(name: Name, ...values: RequestOf<Name>) => Promise<ResponseOf<Name>>;
  readonly refused: <Name extends CallName>(ckr: number, name: Name, ...values: RequestOf<Name>) => Promise<void>;
  readonly application: Application;
  readonly device: A71ch;
  readonly ledger: Ledger;
  readonly clock: VirtualClock;
  readonly token: Token;
  /** A second program on the same token. */
  readonly other: () => Application;
  /** Has the chip refuse the next command of this instruction. */
  readonly refuseNext: (instruction: number, statusWord: number) => void;
  /** Breaks the way to the chip so many times, at each exchange. */
  readonly breakNext: (times: number) => void;
  readonly opened: () => number;
};

type BenchOptions = {
  readonly pin?: string;
  readonly keepPin?: (pin: string) => void;
  readonly looksFirst?: boolean;
  readonly clientVersion?: number;
  readonly names?: ObjectNames;
};

async function bench({ clientVersion = 0, ...settings }: BenchOptions = {}): Promise<Bench> {
  const clock = new VirtualClock(0);
  const ledger = new Ledger({ clock });
  const entropy = new SeededEntropy(nodeHash, "application");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock });
  let broken = 0;
  let opened = 0;
  let refusal: { readonly instruction: number; readonly statusWord: number } | undefined;
  const open = async () => {
    opened++;
    const local = localTransport(chip);
    let isDead = false;
    const exchange = async (command: Uint8Array) => {
      if (broken > 0) {
        broken--;
        isDead = true;
      }
      if (isDead) throw new Error("the wire was cut");
      if (refusal && command[1] === refusal.instruction) {
        const { statusWord } = refusal;
        refusal = undefined;
        return Uint8Array.of(statusWord >> 8, statusWord & 0xff);
      }
      return local.exchange(command);
    };
    const element = await A71ch.open({ exchange, close: async () => undefined }, { hash: nodeHash, clock });
    return { element, close: () => element.close() };
  };
  const token = new Token({ open, hash: nodeHash, label: "SE", trace: ledger, ...settings });
  const start = () => new Application({ token, clock, trace: ledger, clientVersion, connection: "pkcs11-1" });
  const application = start();
  const ask = async <Name extends CallName>(name: Name, values: RequestOf<Name>) =>
    readAnswer(name, await application.answer(encodeRequest(name, values, clientVersion)), clientVersion);
  const made: Bench = {
    application,
    ledger,
    clock,
    token,
    device: await A71ch.open(localTransport(chip), { hash: nodeHash, clock }),
    other: start,
    refuseNext: (instruction, statusWord) => void (refusal = { instruction, statusWord }),
    breakNext: (times) => void (broken = times),
    opened: () => opened,
    async call(name, ...values) {
      const answer = await ask(name, values);
      assert.ok(answer.ok, `${name} answered 0x${(answer.ok ? 0 : answer.ckr).toString(16)}: ${lastDetail(ledger)}`);
      return answer.values;
    },
    async refused(ckr, name, ...values) {
      const answer = await ask(name, values);
      assert.ok(!answer.ok, `${name} succeeded`);
      assert.equal(answer.ckr, ckr, lastDetail(ledger));
    },
  };
  await made.call("C_Initialize", HANDSHAKE, 0, Uint8Array.of(0));
  return made;
}

function lastDetail(ledger: Ledger): string {
  const [last] = ledger.events({ kinds: ["pkcs11.call"] }).slice(-1);
  return last?.kind === "pkcs11.call" ? last.detail : "";
}

const attribute = (type: number, value: AttributeValue): Attribute => ({ type, state: "value", value });
const RW = 6n;
/** The instruction byte of an A71CH's signature. */
const SIGN = 0x15;

/** A session with a key pair made in the chip; its handles. */
async function withKey(bench: Bench, label?: string) {
  const [session] = await bench.call("C_OpenSession", 1n, RW);
  const template = [
    attribute(CKA.EC_PARAMS, P256),
    ...(label === undefined ? [] : [attribute(CKA.LABEL, utf8Bytes(label))]),
  ];
  const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
  const [publicKey, privateKey] = await bench.call("C_GenerateKeyPair", session, make, template, []);
  return { session, publicKey, privateKey };
}

async function find({ call }: Bench, session: bigint, ...template: Attribute[]): Promise<readonly bigint[]> {
  await call("C_FindObjectsInit", session, template);
  const [found] = await call("C_FindObjects", session, 100);
  await call("C_FindObjectsFinal", session);
  return "needed" in found ? assert.fail("room for 100") : found;
}

test("C_Sign gives r and s of a signature that node:crypto verifies; a size query leaves the operation active", async () => {
  const it = await bench();
  const { session, privateKey } = await withKey(it);
  await it.call("C_SignInit", session, ECDSA, privateKey);
  assert.deepEqual(await it.call("C_Sign", session, DIGEST, undefined), [{ needed: 64 }]);
  assert.deepEqual(await it.call("C_Sign", session, DIGEST, 10), [{ needed: 64 }]);
  const [signature] = await it.call("C_Sign", session, DIGEST, 512);
  assert.ok(signature instanceof Uint8Array);
  const publicKey = (await it.device.keySlots())[0]?.publicKey ?? assert.fail("a key");
  const check = { publicKey, algorithm: "ecdsa_sha256", content: utf8Bytes("reading") } as const;
  assert.equal(await nodeVerifier.verify({ ...check, signature: ecdsaRawToDer(signature) }), true);
  signature[5] = (signature[5] ?? 0) ^ 1;
  assert.equal(await nodeVerifier.verify({ ...check, signature: ecdsaRawToDer(signature) }), false);
  await it.refused(CKR.CKR_OPERATION_NOT_INITIALIZED, "C_Sign", session, DIGEST, 512);
});

test("C_SignUpdate hashes for CKM_ECDSA_SHA256 and all other hashes, and C_VerifyFinal agrees", async () => {
  const it = await bench();
  const { session, privateKey, publicKey } = await withKey(it);
  const { ECDSA_SHA1, ECDSA_SHA224, ECDSA_SHA256, ECDSA_SHA384, ECDSA_SHA512 } = CKM;
  for (const type of [ECDSA_SHA1, ECDSA_SHA224, ECDSA_SHA256, ECDSA_SHA384, ECDSA_SHA512]) {
    const mechanism = { type, parameter: NO_PARAMETER };
    await it.call("C_SignInit", session, mechanism, privateKey);
    await it.call("C_SignUpdate", session, utf8Bytes("rea"));
    await it.call("C_SignUpdate", session, utf8Bytes("ding"));
    const [signature] = await it.call("C_SignFinal", session, 64);
    await it.call("C_VerifyInit", session, mechanism, publicKey);
    await it.call("C_VerifyUpdate", session, utf8Bytes("reading"));
    await it.call("C_VerifyFinal", session, signature);
    await it.call("C_VerifyInit", session, mechanism, publicKey);
    await it.call("C_Verify", session, utf8Bytes("reading"), signature);
    await it.call("C_VerifyInit", session, mechanism, publicKey);
    await it.refused(CKR.CKR_SIGNATURE_INVALID, "C_Verify", session, utf8Bytes("readinG"), signature);
  }
});

test("C_Digest on the host agrees with node:crypto, in one piece and in several", async () => {
  const it = await bench();
  const [session] = await it.call("C_OpenSession", 1n, 4n);
  for (const [name, type] of Object.entries({
    sha1: CKM.SHA_1,
    sha224: CKM.SHA224,
    sha256: CKM.SHA256,
    sha384: CKM.SHA384,
    sha512: CKM.SHA512,
  })) {
    const expected = new Uint8Array(createHash(name).update("reading").digest());
    const { length } = expected;
    const mechanism = { type, parameter: NO_PARAMETER };
    await it.call("C_DigestInit", session, mechanism);
    assert.deepEqual(await it.call("C_Digest", session, utf8Bytes("reading"), undefined), [{ needed: length }]);
    assert.deepEqual(await it.call("C_Digest", session, utf8Bytes("reading"), length), [expected]);
    await it.call("C_DigestInit", session, mechanism);
    await it.call("C_DigestUpdate", session, utf8Bytes("read"));
    await it.call("C_DigestUpdate", session, utf8Bytes("ing"));
    assert.deepEqual(await it.call("C_DigestFinal", session, length - 1), [{ needed: length }]);
    assert.deepEqual(await it.call("C_DigestFinal", session, length), [expected]);
  }
});

test("C_GetAttributeValue answers in order: values, lengths alone, what is too long, what is missing, what is secret", async () => {
  const it = await bench();
  const { session, privateKey, publicKey } = await withKey(it, "devkey");
  const query = (type: number, room?: number) => ({ type, room });
  const [found, rv] = await it.call("C_GetAttributeValue", session, privateKey, [
    query(CKA.LABEL, 20),
    query(CKA.LABEL),
    query(CKA.CLASS),
    query(CKA.KEY_TYPE, 8),
  ]);
  assert.equal(rv, 0n);
  assert.deepEqual(found, [
    attribute(CKA.LABEL, utf8Bytes("devkey")),
    { type: CKA.LABEL, state: "length", length: 6 },
    attribute(CKA.CLASS, CKO.PRIVATE_KEY),
    attribute(CKA.KEY_TYPE, 3n),
  ]);
  const verdict = async (key: bigint, ...queries: { type: number; room: number | undefined }[]) => {
    const [answers, value] = await it.call("C_GetAttributeValue", session, key, queries);
    assert.deepEqual(answers.at(-1)?.state, "absent");
    return Number(value);
  };
  assert.equal(await verdict(privateKey, query(CKA.LABEL, 5)), CKR.CKR_BUFFER_TOO_SMALL);
  assert.equal(await verdict(privateKey, query(CKA.APPLICATION, 64)), CKR.CKR_ATTRIBUTE_TYPE_INVALID);
  assert.equal(await verdict(privateKey, query(0xcf53_4301, 64)), CKR.CKR_ATTRIBUTE_TYPE_INVALID);
  assert.equal(await verdict(privateKey, query(CKA.VALUE, 64)), CKR.CKR_ATTRIBUTE_SENSITIVE);
  assert.equal(await verdict(privateKey, query(CKA.VALUE)), CKR.CKR_ATTRIBUTE_SENSITIVE);
  const [[point]] = await it.call("C_GetAttributeValue", session, publicKey, [query(CKA.EC_POINT, 100)]);
  const spki = (await it.device.keySlots())[0]?.publicKey ?? assert.fail("a key");
  const expected = concat(fromHex("0441"), ecPublicPoint(spki)?.point ?? assert.fail("a point"));
  assert.deepEqual(point, attribute(CKA.EC_POINT, expected));
});

test("certificates are written, found by the ID of their key, and deleted; a public key is not deleted alone", async () => {
  const it = await bench();
  const { session, privateKey, publicKey } = await withKey(it);
  const spki = (await it.device.keySlots())[0]?.publicKey ?? assert.fail("a key");
  const der = await newCertificateFor(spki, it.clock);
  const template = [attribute(CKA.CLASS, CKO.CERTIFICATE), attribute(CKA.VALUE, der), attribute(CKA.TOKEN, 1)];
  const [certificate] = await it.call("C_CreateObject", session, template);
  assert.deepEqual(await it.device.readCertificate(0), der);
  const byId = await find(it, session, attribute(CKA.ID, Uint8Array.of(0)));
  assert.deepEqual(new Set(byId), new Set([privateKey, publicKey, certificate]));
  await it.call("C_SetAttributeValue", session, certificate, [attribute(CKA.LABEL, utf8Bytes("devcert"))]);
  const [named] = await find(it, session, attribute(CKA.LABEL, utf8Bytes("devcert")));
  assert.equal(named, certificate, "the handle stays");
  await it.call("C_DestroyObject", session, certificate);
  assert.deepEqual(await it.device.listCertificates(), []);
  await it.refused(CKR.CKR_OBJECT_HANDLE_INVALID, "C_DestroyObject", session, certificate);
  await it.refused(CKR.CKR_ACTION_PROHIBITED, "C_DestroyObject", session, publicKey);
  const subject = attribute(CKA.SUBJECT, fromHex("3000"));
  await it.call("C_SetAttributeValue", session, publicKey, [subject]);
  assert.deepEqual(await find(it, session, subject), [privateKey, publicKey], "the halves share their names");
  await it.call("C_DestroyObject", session, privateKey);
  assert.equal((await it.device.keySlots())[0]?.publicKey, undefined);
  // It went with the private key: a program that erases both is told so once.
  await it.call("C_DestroyObject", session, publicKey);
  await it.refused(CKR.CKR_OBJECT_HANDLE_INVALID, "C_DestroyObject", session, publicKey);
  assert.deepEqual(await find(it, session), []);
});

test("storage that holds something else is left out with a warning, and the keys can still be used", async () => {
  const it = await bench();
  const { session, privateKey } = await withKey(it);
  // A certificate that is none, then an object table whose only entry points out of the storage.
  await it.device.writeCertificate(0, Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x05));
  it.token.forgetContents();
  assert.deepEqual(await find(it, session, attribute(CKA.CLASS, CKO.CERTIFICATE)), []);
  const table = new Uint8Array(32).fill(0xff);
  table.set(fromHex("0900 0fff 0fff 01 01".replaceAll(" ", "")), 24);
  await it.device.send("writeStorage", { offset: 4096 - 32, bytes: table });
  it.token.forgetContents();
  assert.deepEqual(await find(it, session, attribute(CKA.CLASS, CKO.CERTIFICATE)), []);
  const warnings = it.ledger.events({ kinds: ["process"] });
  assert.deepEqual(
    warnings.map((event) => event.kind === "process" && event.detail.split(" is left out")[0]),
    ["certificate 0 of the chip's storage", "the chip's storage", "the data in the chip's storage"],
  );
  await it.call("C_SignInit", session, ECDSA, privateKey);
  await it.call("C_Sign", session, DIGEST, 64);
});

test("private keys show after login alone; logging out and closing the last session hide them again", async () => {
  const it = await bench({ pin: "1234" });
  const [session] = await it.call("C_OpenSession", 1n, RW);
  await it.call("C_Login", session, 1n, utf8Bytes("1234"));
  const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
  const [, privateKey] = await it.call("C_GenerateKeyPair", session, make, [attribute(CKA.EC_PARAMS, P256)], []);
  const secrets = () => find(it, session, attribute(CKA.CLASS, CKO.PRIVATE_KEY));
  assert.deepEqual(await secrets(), [privateKey]);
  await it.call("C_SignInit", session, ECDSA, privateKey);
  await it.call("C_Logout", session);
  await it.refused(CKR.CKR_OPERATION_NOT_INITIALIZED, "C_Sign", session, DIGEST, 64);
  assert.deepEqual(await secrets(), []);
  await it.refused(CKR.CKR_KEY_HANDLE_INVALID, "C_SignInit", session, ECDSA, privateKey);
  await it.refused(CKR.CKR_USER_NOT_LOGGED_IN, "C_DestroyObject", session, privateKey);
  await it.call("C_Login", session, 1n, utf8Bytes("1234"));
  assert.deepEqual((await it.call("C_GetSessionInfo", session)).slice(0, 2), [1n, 3n]);
  await it.call("C_CloseSession", session);
  const [again] = await it.call("C_OpenSession", 1n, 4n);
  assert.deepEqual((await it.call("C_GetSessionInfo", again)).slice(0, 2), [1n, 0n]);
});

test("two programs have sessions and logins of their own, and see each other's changes when they start", async () => {
  const it = await bench();
  const { privateKey } = await withKey(it);
  const other = it.other();
  const ask = async <Name extends CallName>(name: Name, ...values: RequestOf<Name>) =>
    readAnswer(name, await other.answer(encodeRequest(name, values, 0)), 0);
  await ask("C_Initialize", HANDSHAKE, 0, Uint8Array.of(0));
  const missing = await ask("C_CloseSession", 1n);
  assert.equal(!missing.ok && missing.ckr, CKR.CKR_SESSION_HANDLE_INVALID);
  const opened = await ask("C_OpenSession", 1n, 4n);
  assert.ok(opened.ok);
  const begun = await ask("C_SignInit", opened.values[0], ECDSA, privateKey);
  assert.ok(begun.ok, "the handle holds for both");
});

test("a wire that breaks is mended: repeatable calls once more at once, others with the next call", async () => {
  const it = await bench();
  const { session, privateKey } = await withKey(it);
  const before = it.opened();
  it.breakNext(1);
  await it.call("C_SignInit", session, ECDSA, privateKey);
  await it.call("C_Sign", session, DIGEST, 64);
  assert.equal(it.opened(), before + 1);
  it.breakNext(1);
  const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
  await it.refused(CKR.CKR_DEVICE_ERROR, "C_GenerateKeyPair", session, make, [attribute(CKA.EC_PARAMS, P256)], []);
  await it.call("C_GenerateRandom", session, 16);
  it.breakNext(1000);
  await it.refused(CKR.CKR_DEVICE_REMOVED, "C_GenerateRandom", session, 16);
  assert.deepEqual(await it.call("C_GetSlotList", 1, 10), [[]], "no token");
  assert.deepEqual(await it.call("C_GetSlotList", 0, 10), [[1n]], "but a slot");
  it.breakNext(0);
  await it.call("C_GenerateRandom", session, 16);
});

test("every call of the table has an answer before and after C_Initialize, whatever its arguments", async () => {
  const it = await bench();
  const fresh = it.other();
  for (const [name, { id, request }] of Object.entries(CALLS)) {
    const head = concat(
      fromHex(id.toString(16).padStart(8, "0")),
      fromHex(request.length.toString(16).padStart(8, "0")),
    );
    const body = concat(head, utf8Bytes(request), new Uint8Array(40));
    for (const application of [it.application, fresh]) {
      const answer = await application.answer(body);
      assert.ok(answer.length >= 8, name);
    }
  }
  for (const noise of [new Uint8Array(0), fromHex("00"), fromHex("ffffffff"), fromHex("0000000100000005")]) {
    const answer = await it.application.answer(noise);
    assert.equal(toHex(answer).slice(0, 18), "000000000000000175");
  }
});

test("a client of version 2 signs by its own encoding of mechanisms, and finds most of PKCS #11 3.0 refused", async () => {
  const it = await bench({ clientVersion: 2 });
  const { session, privateKey } = await withKey(it);
  await it.call("C_SignInit", session, ECDSA, privateKey);
  await it.call("C_SignInit", session, "null", privateKey);
  await it.call("C_SignInit", session, ECDSA, privateKey);
  await it.call("C_Sign", session, DIGEST, 64);
  await it.refused(CKR.CKR_FUNCTION_NOT_SUPPORTED, "C_MessageSignInit", session, ECDSA, privateKey);
});

test("C_LoginUser logs in a user without a name, C_SessionCancel ends what its flags name", async () => {
  const it = await bench({ pin: "1234", clientVersion: 1 });
  const [session] = await it.call("C_OpenSession", 1n, RW);
  const login = [session, 1n, utf8Bytes("1234")] as const;
  await it.refused(CKR.CKR_ARGUMENTS_BAD, "C_LoginUser", ...login, utf8Bytes("alice"));
  await it.refused(CKR.CKR_PIN_INCORRECT, "C_LoginUser", session, 1n, utf8Bytes("1235"), { needed: 0 });
  await it.call("C_LoginUser", ...login, { needed: 0 });
  await it.refused(CKR.CKR_USER_ALREADY_LOGGED_IN, "C_LoginUser", ...login, new Uint8Array(0));

  const { privateKey } = await withKey(it);
  const [FIND, DIGEST_FLAG, SIGN_FLAG] = [0x40n, 0x400n, 0x800n];
  await it.call("C_SignInit", session, ECDSA, privateKey);
  await it.call("C_FindObjectsInit", session, []);
  await it.call("C_SessionCancel", session, SIGN_FLAG | DIGEST_FLAG);
  await it.refused(CKR.CKR_OPERATION_NOT_INITIALIZED, "C_Sign", session, DIGEST, 64);
  await it.call("C_FindObjects", session, 1);
  await it.call("C_SessionCancel", session, FIND);
  await it.refused(CKR.CKR_OPERATION_NOT_INITIALIZED, "C_FindObjects", session, 1);
  await it.refused(CKR.CKR_SESSION_HANDLE_INVALID, "C_SessionCancel", 99n, FIND);
});

test("data objects are written into the chip, found by each of their attributes, read when asked for, renamed and erased", async () => {
  const it = await bench();
  const [session] = await it.call("C_OpenSession", 1n, RW);
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i);
  const oid = fromHex("06032a0304");
  const template = [
    attribute(CKA.CLASS, CKO.DATA),
    attribute(CKA.TOKEN, 1),
    attribute(CKA.LABEL, utf8Bytes("settings")),
    attribute(CKA.APPLICATION, utf8Bytes("meter")),
    attribute(CKA.OBJECT_ID, oid),
  ];
  const [settings] = await it.call("C_CreateObject", session, [...template, attribute(CKA.VALUE, bytes)]);
  const [plain] = await it.call("C_CreateObject", session, [
    attribute(CKA.CLASS, CKO.DATA),
    attribute(CKA.TOKEN, 1),
    attribute(CKA.VALUE, Uint8Array.of(7)),
  ]);
  assert.deepEqual(await it.device.data.read(0), bytes, "NXP's tools find it as data 0");
  for (const each of [...template.slice(2), attribute(CKA.VALUE, bytes)]) {
    assert.deepEqual(await find(it, session, each), [settings], `attribute 0x${each.type.toString(16)}`);
  }
  assert.deepEqual(await find(it, session, attribute(CKA.LABEL, utf8Bytes("data-1"))), [plain]);
  assert.deepEqual(await find(it, session, attribute(CKA.CLASS, CKO.DATA)), [settings, plain]);
  const [found] = await it.call("C_GetAttributeValue", session, settings, [
    { type: CKA.VALUE, room: undefined },
    { type: CKA.VALUE, room: 300 },
    { type: CKA.APPLICATION, room: 10 },
  ]);
  assert.deepEqual(found, [
    { type: CKA.VALUE, state: "length", length: 300 },
    attribute(CKA.VALUE, bytes),
    attribute(CKA.APPLICATION, utf8Bytes("meter")),
  ]);
  assert.deepEqual(await it.call("C_GetObjectSize", session, settings), [300n]);
  await it.call("C_SetAttributeValue", session, settings, [attribute(CKA.APPLICATION, utf8Bytes("gauge"))]);
  assert.deepEqual(await find(it, session, attribute(CKA.APPLICATION, utf8Bytes("gauge"))), [settings]);
  assert.deepEqual(await find(it, session, attribute(CKA.LABEL, utf8Bytes("settings"))), [settings], "it stays");
  await it.refused(0x10, "C_SetAttributeValue", session, settings, [attribute(CKA.ID, oid)]);
  await it.refused(0x60, "C_SignInit", session, ECDSA, settings);
  await it.call("C_DestroyObject", session, settings);
  assert.deepEqual(await it.device.data.list(), [{ index: 1, length: 1 }]);
  await it.device.data.erase(1);
  await it.refused(0x82, "C_GetAttributeValue", session, plain, [{ type: CKA.VALUE, room: 300 }]);
});

test("data under an index whose former data somebody else erased do not take over the former name", async () => {
  const it = await bench();
  const [session] = await it.call("C_OpenSession", 1n, RW);
  const data = [attribute(CKA.CLASS, CKO.DATA), attribute(CKA.TOKEN, 1), attribute(CKA.VALUE, Uint8Array.of(7))];
  const label = attribute(CKA.LABEL, utf8Bytes("settings"));
  await it.call("C_CreateObject", session, [...data, label]);
  await it.device.data.erase(0);
  const [other] = await it.call("C_CreateObject", session, data);
  assert.deepEqual(await find(it, session, label), []);
  assert.deepEqual(await find(it, session, attribute(CKA.LABEL, utf8Bytes("data-0"))), [other]);
});

const FULL_DISK: ObjectNames = {
  nameOf: () => undefined,
  rename: () => assert.fail("the disk is full"),
  forget: () => assert.fail("the disk is full"),
};

test("names that cannot be kept are told to the trace, and what the chip did counts", async () => {
  const it = await bench({ names: FULL_DISK });
  const { session, privateKey } = await withKey(it, "devkey");
  assert.deepEqual(await find(it, session, attribute(CKA.LABEL, utf8Bytes("key-0"))), [privateKey, privateKey + 1n]);
  await it.call("C_DestroyObject", session, privateKey);
  const told = it.ledger.events({ kinds: ["process"] }).map((each) => each.kind === "process" && each.detail);
  assert.deepEqual(told, Array(2).fill("names of objects cannot be kept: the disk is full"));
});

test("data that the chip cannot keep as asked is refused, and nothing is written", async () => {
  const it = await bench();
  const [session] = await it.call("C_OpenSession", 1n, RW);
  const create = (ckr: number, ...more: Attribute[]) =>
    it.refused(ckr, "C_CreateObject", session, [attribute(CKA.CLASS, CKO.DATA), attribute(CKA.TOKEN, 1), ...more]);
  const value = attribute(CKA.VALUE, Uint8Array.of(1));
  await create(0xd0);
  await create(0x13, attribute(CKA.VALUE, new Uint8Array(0)));
  await create(0xd1, value, attribute(CKA.PRIVATE, 1));
  await create(0x31, attribute(CKA.VALUE, new Uint8Array(5000)));
  assert.deepEqual(await it.device.data.list(), []);
});

test("data of a session need no login and no chip, are one program's own, and end with their session", async () => {
  const it = await bench({ pin: "1234" });
  const [session] = await it.call("C_OpenSession", 1n, 4n);
  const [second] = await it.call("C_OpenSession", 1n, 4n);
  const value = attribute(CKA.VALUE, fromHex("0102"));
  const template = [attribute(CKA.CLASS, CKO.DATA), attribute(CKA.LABEL, utf8Bytes("note")), value];
  const [note] = await it.call("C_CreateObject", second, template);
  assert.deepEqual(await find(it, session, value), [note]);
  assert.deepEqual(await find(it, session, attribute(CKA.TOKEN, 0)), [note]);
  assert.deepEqual(await it.device.data.list(), []);
  const rename = [attribute(CKA.LABEL, utf8Bytes("x"))];
  await it.refused(0x10, "C_SetAttributeValue", session, note, rename);
  await it.refused(0x82, "C_SetAttributeValue", session, 999n, rename);
  const big = [attribute(CKA.CLASS, CKO.DATA), attribute(CKA.VALUE, new Uint8Array(65_537))];
  await it.refused(0x31, "C_CreateObject", session, big);
  const [gone] = await it.call("C_CreateObject", session, template);
  await it.call("C_DestroyObject", session, gone);
  await it.call("C_CloseSession", second);
  assert.deepEqual(await find(it, session), []);
});

test("keys tell their mechanisms and a name that no other object has; copies are refused, sizes of keys unknown", async () => {
  const it = await bench();
  const { session, privateKey, publicKey } = await withKey(it);
  const tell = async (key: bigint) => {
    const [found] = await it.call("C_GetAttributeValue", session, key, [
      { type: CKA.UNIQUE_ID, room: 64 },
      { type: CKA.ALLOWED_MECHANISMS, room: 256 },
    ]);
    return found.map((each) => (each.state === "value" ? each.value : assert.fail(each.state)));
  };
  const [secretId, secretUses] = await tell(privateKey);
  const [openId, openUses] = await tell(publicKey);
  assert.match(new TextDecoder().decode(secretId as Uint8Array), /^[0-9a-f]{32}$/);
  assert.notDeepEqual(secretId, openId);
  assert.deepEqual(secretUses, [0x1041n, 0x1042n, 0x1043n, 0x1044n, 0x1045n, 0x1046n, 0x1050n]);
  assert.deepEqual(openUses, [0x1041n, 0x1042n, 0x1043n, 0x1044n, 0x1045n, 0x1046n]);
  assert.deepEqual(await find(it, session, attribute(CKA.UNIQUE_ID, secretId ?? assert.fail())), [privateKey]);
  assert.deepEqual(await find(it, session, attribute(CKA.ALLOWED_MECHANISMS, openUses ?? [])), [publicKey]);
  await it.refused(0x1b, "C_CopyObject", session, privateKey, []);
  await it.refused(0x82, "C_CopyObject", session, 99n, []);
  assert.deepEqual(await it.call("C_GetObjectSize", session, privateKey), [0xffff_ffff_ffff_ffffn]);
});

const CKD_NULL = 1n;
const secretTemplate = (...more: Attribute[]) => [
  attribute(CKA.CLASS, CKO.SECRET_KEY),
  attribute(CKA.KEY_TYPE, 0x10n),
  ...more,
];

function deriveWith(publicData: Uint8Array, kdf = CKD_NULL, shared?: Uint8Array) {
  return { type: CKM.ECDH1_DERIVE, parameter: { kind: "ecdh1", kdf, shared, publicData } } as const;
}

async function valueOf(it: Bench, session: bigint, key: bigint): Promise<Attribute | undefined> {
  const [[value]] = await it.call("C_GetAttributeValue", session, key, [{ type: CKA.VALUE, room: 64 }]);
  return value;
}

test("C_DeriveKey and C_DeriveKey2 agree with node:crypto by the key in the chip; what is derived lives in its session", async () => {
  const peer = createECDH("prime256v1");
  peer.generateKeys();
  const point = new Uint8Array(peer.getPublicKey());
  for (const clientVersion of [1, 2] as const) {
    const it = await bench({ clientVersion });
    const { session, privateKey, publicKey } = await withKey(it);
    const [[ecPoint]] = await it.call("C_GetAttributeValue", session, publicKey, [{ type: CKA.EC_POINT, room: 100 }]);
    assert.ok(ecPoint?.state === "value" && ecPoint.value instanceof Uint8Array);
    const shared = new Uint8Array(peer.computeSecret(ecPoint.value.subarray(2)));
    const derive = async (publicData: Uint8Array, ...more: Attribute[]) => {
      const values = [session, deriveWith(publicData), privateKey, secretTemplate(...more)] as const;
      if (clientVersion === 1) return (await it.call("C_DeriveKey", ...values))[0];
      const [ckr, parameter, handle] = await it.call("C_DeriveKey2", ...values);
      assert.deepEqual([ckr, parameter], [0n, "unchanged"]);
      return handle;
    };
    assert.deepEqual(await valueOf(it, session, await derive(point)), attribute(CKA.VALUE, shared));
    const wrapped = concat(fromHex("0441"), point);
    const short = await derive(wrapped, attribute(CKA.VALUE_LEN, 16n), attribute(CKA.TOKEN, 0));
    assert.deepEqual(await valueOf(it, session, short), attribute(CKA.VALUE, shared.slice(16)), "leading bytes go");
    const hidden = await derive(point, attribute(CKA.SENSITIVE, 1));
    const [[kept], rv] = await it.call("C_GetAttributeValue", session, hidden, [{ type: CKA.VALUE, room: 64 }]);
    assert.deepEqual([kept?.state, rv], ["absent", BigInt(CKR.CKR_ATTRIBUTE_SENSITIVE)]);
    assert.equal((await find(it, session, attribute(CKA.CLASS, CKO.SECRET_KEY))).length, 3);
    await it.call("C_DestroyObject", session, hidden);
    await it.refused(CKR.CKR_OBJECT_HANDLE_INVALID, "C_DestroyObject", session, hidden);
    const [second] = await it.call("C_OpenSession", 1n, 4n);
    assert.equal((await find(it, second, attribute(CKA.CLASS, CKO.SECRET_KEY))).length, 2);
    await it.call("C_CloseSession", session);
    assert.equal(
      (await find(it, second, attribute(CKA.CLASS, CKO.SECRET_KEY))).length,
      0,
      "they end with their session",
    );
    assert.doesNotMatch(it.ledger.jsonLines(), new RegExp(toHex(shared)));
  }
});

test("C_DeriveKey refuses other functions, other points, other keys and other secrets, each by its own return value", async () => {
  const it = await bench({ clientVersion: 1 });
  const { session, privateKey, publicKey } = await withKey(it);
  const peer = createECDH("prime256v1");
  peer.generateKeys();
  const point = new Uint8Array(peer.getPublicKey());
  const good = secretTemplate();
  const refused = (ckr: number, mechanism: RequestOf<"C_DeriveKey">[1], key = privateKey, template = good) =>
    it.refused(ckr, "C_DeriveKey", session, mechanism, key, template);
  await refused(0x71, deriveWith(point, 2n));
  await refused(0x71, deriveWith(point, CKD_NULL, Uint8Array.of(1)));
  await refused(0x71, deriveWith(point.slice(1)));
  await refused(0x71, deriveWith(new Uint8Array(65)));
  await refused(0x70, ECDSA);
  await refused(0x70, "null");
  await refused(0x63, deriveWith(point), publicKey);
  await refused(0x60, deriveWith(point), 999n);
  await refused(0xd1, deriveWith(point), privateKey, secretTemplate(attribute(CKA.TOKEN, 1)));
  await refused(0xd1, deriveWith(point), privateKey, [attribute(CKA.CLASS, CKO.PRIVATE_KEY)]);
  await refused(0x13, deriveWith(point), privateKey, secretTemplate(attribute(CKA.VALUE_LEN, 33n)));
  await refused(0x13, deriveWith(point), privateKey, secretTemplate(attribute(CKA.VALUE_LEN, 0n)));
  const off = point.with(64, (point[64] ?? 0) ^ 1);
  await refused(0x71, deriveWith(off));
  const [secret] = await it.call("C_DeriveKey", session, deriveWith(point), privateKey, good);
  await it.refused(0x10, "C_SetAttributeValue", session, secret, [attribute(CKA.LABEL, utf8Bytes("x"))]);
  await it.refused(0x63, "C_SignInit", session, ECDSA, secret);
  for (let made = 1; made < 256; made++) await it.call("C_DeriveKey", session, deriveWith(point), privateKey, good);
  await refused(0x31, deriveWith(point));
});

test("C_GetMechanismList leaves out what a client's own library would strike from it", async () => {
  for (const [clientVersion, count] of [
    [0, 7],
    [1, 13],
    [2, 13],
  ] as const) {
    const it = await bench({ clientVersion });
    assert.deepEqual(await it.call("C_GetMechanismList", 1n, undefined), [{ needed: count }]);
    assert.deepEqual(await it.call("C_GetMechanismList", 1n, count - 1), [{ needed: count }]);
    const [types] = await it.call("C_GetMechanismList", 1n, 20);
    assert.ok(!("needed" in types));
    assert.equal(types.length, count);
    for (const type of types) await it.call("C_GetMechanismInfo", 1n, type);
  }
});

test("each call is told to the trace with its return value, and no PIN", async () => {
  const it = await bench({ pin: "hunter2" });
  const [session] = await it.call("C_OpenSession", 1n, 4n);
  await it.refused(CKR.CKR_PIN_INCORRECT, "C_Login", session, 1n, utf8Bytes("hunter3"));
  await it.call("C_Login", session, 1n, utf8Bytes("hunter2"));
  const told = it.ledger.events({ kinds: ["pkcs11.call"], connection: "pkcs11-1" });
  assert.deepEqual(
    told.map((event) => event.kind === "pkcs11.call" && `${event.call} ${event.result}`),
    ["C_Initialize CKR_OK", "C_OpenSession CKR_OK", "C_Login CKR_PIN_INCORRECT", "C_Login CKR_OK"],
  );
  assert.doesNotMatch(it.ledger.jsonLines(), /hunter/);
});

test("C_SetPIN puts another PIN in the old one's place, keeps it, and counts a wrong old one as a wrong login", async () => {
  const kept: string[] = [];
  const { call, refused } = await bench({ pin: "1234", keepPin: (pin) => void kept.push(pin) });
  const [reader] = await call("C_OpenSession", 1n, 4n);
  await refused(0xb5, "C_SetPIN", reader, utf8Bytes("1234"), utf8Bytes("5678"));
  const [session] = await call("C_OpenSession", 1n, RW);
  await refused(0xa0, "C_SetPIN", session, utf8Bytes("1235"), utf8Bytes("5678"));
  assert.equal((await call("C_GetTokenInfo", 1n))[4] & 0x10000n, 0x10000n, "a try is gone");
  await call("C_SetPIN", session, utf8Bytes("1234"), utf8Bytes("größer"));
  assert.deepEqual(kept, ["größer"]);
  await refused(0xa0, "C_Login", session, 1n, utf8Bytes("1234"));
  await call("C_Login", session, 1n, utf8Bytes("größer"));
  await call("C_SetPIN", session, utf8Bytes("größer"), utf8Bytes("1234"));
  const open = await bench();
  const [other] = await open.call("C_OpenSession", 1n, RW);
  await open.refused(0x102, "C_SetPIN", other, utf8Bytes("1234"), utf8Bytes("5678"));
});

test("a token that looks first never signs with a key that was put in the place of the one that the program chose", async () => {
  for (const looksFirst of [false, true]) {
    const it = await bench({ looksFirst });
    const { session, privateKey } = await withKey(it);
    const sign = async () => {
      await it.call("C_SignInit", session, ECDSA, privateKey);
      return it.call("C_Sign", session, DIGEST, 64);
    };
    await sign();
    // Once it has signed, only a token that looks can know.
    await it.device.generateKeyPair(0);
    if (looksFirst) {
      await it.call("C_SignInit", session, ECDSA, privateKey);
      await it.refused(0x60, "C_Sign", session, DIGEST, 64);
    } else await sign();
  }
});

type CallCode = keyof typeof PKCS11_CALL_ERRORS | keyof typeof PKCS11_TOKEN_ERRORS;

/** How a program gets each code. */
const PROVOKED: Readonly<Record<CallCode, (it: Bench) => Promise<unknown>>> = {
  "arguments-bad": async ({ refused }) => refused(7, "C_Initialize", Uint8Array.of(1), 0, Uint8Array.of(0)),
  "function-not-supported": async ({ refused }) => refused(0x54, "C_InitPIN", 1n, Uint8Array.of(1)),
  "not-initialized": async ({ call, refused }) => {
    await call("C_Finalize");
    await refused(0x190, "C_GetInfo");
  },
  "already-initialized": async ({ refused }) => refused(0x191, "C_Initialize", HANDSHAKE, 0, Uint8Array.of(0)),
  "slot-id-invalid": async ({ refused }) => refused(3, "C_GetSlotInfo", 2n),
  "session-handle-invalid": async ({ refused }) => refused(0xb3, "C_CloseSession", 9n),
  "session-parallel": async ({ refused }) => refused(0xb4, "C_OpenSession", 1n, 2n),
  "session-count": async ({ call, refused }) => {
    for (let i = 0; i < MAX_SESSIONS; i++) await call("C_OpenSession", 1n, 4n);
    await refused(0xb1, "C_OpenSession", 1n, 4n);
  },
  "session-read-only": async ({ call, refused }) => {
    const [session] = await call("C_OpenSession", 1n, 4n);
    await refused(0xb5, "C_CreateObject", session, []);
  },
  "user-type-invalid": async ({ call, refused }) => {
    const [session] = await call("C_OpenSession", 1n, 4n);
    await refused(0x103, "C_Login", session, 0n, utf8Bytes("1234"));
  },
  "pin-incorrect": async () => {
    const { call, refused } = await bench({ pin: "1234" });
    const [session] = await call("C_OpenSession", 1n, 4n);
    await refused(0xa0, "C_Login", session, 1n, utf8Bytes("1235"));
    await refused(0xa0, "C_Login", session, 1n, { needed: 0 });
  },
  "pin-invalid": async () => {
    const { call, refused } = await bench({ pin: "1234" });
    const [session] = await call("C_OpenSession", 1n, RW);
    for (const changed of [Uint8Array.of(0x31, 0x0a), Uint8Array.of(0xff, 0xfe), Uint8Array.of(0x7f)]) {
      await refused(0xa1, "C_SetPIN", session, utf8Bytes("1234"), changed);
    }
  },
  "pin-len-range": async () => {
    const { call, refused } = await bench({ pin: "1234" });
    const [session] = await call("C_OpenSession", 1n, RW);
    for (const changed of [new Uint8Array(0), new Uint8Array(256).fill(0x31)]) {
      await refused(0xa2, "C_SetPIN", session, utf8Bytes("1234"), changed);
    }
    await call("C_SetPIN", session, utf8Bytes("1234"), new Uint8Array(255).fill(0x31));
  },
  "pin-not-kept": async () => {
    const keepPin = () => {
      throw new Error("no room");
    };
    const { call, refused } = await bench({ pin: "1234", keepPin });
    const [session] = await call("C_OpenSession", 1n, RW);
    await refused(5, "C_SetPIN", session, utf8Bytes("1234"), utf8Bytes("5678"));
    await call("C_Login", session, 1n, utf8Bytes("1234"));
  },
  "pin-locked": async () => {
    const { call, refused } = await bench({ pin: "1234" });
    const [session] = await call("C_OpenSession", 1n, 4n);
    for (let i = 0; i < 8; i++) await refused(0xa0, "C_Login", session, 1n, utf8Bytes("1"));
    await refused(0xa4, "C_Login", session, 1n, utf8Bytes("1234"));
    const flags = (await call("C_GetTokenInfo", 1n))[4];
    assert.equal(flags & 0x40000n, 0x40000n);
  },
  "pin-not-initialized": async ({ call, refused }) => {
    const [session] = await call("C_OpenSession", 1n, 4n);
    await refused(0x102, "C_Login", session, 1n, utf8Bytes("1234"));
  },
  "already-logged-in": async () => {
    const { call, refused } = await bench({ pin: "1234" });
    const [session] = await call("C_OpenSession", 1n, 4n);
    await call("C_Login", session, 1n, utf8Bytes("1234"));
    await refused(0x100, "C_Login", session, 1n, utf8Bytes("1234"));
  },
  "not-logged-in": async () => {
    const { call, refused } = await bench({ pin: "1234" });
    const [session] = await call("C_OpenSession", 1n, RW);
    await refused(0x101, "C_CreateObject", session, []);
    await refused(0x101, "C_Logout", session);
  },
  "object-handle-invalid": async ({ call, refused }) => {
    const [session] = await call("C_OpenSession", 1n, 4n);
    await refused(0x82, "C_GetAttributeValue", session, 77n, []);
  },
  "key-handle-invalid": async (it) => {
    const { session, privateKey } = await withKey(it);
    await it.refused(0x60, "C_SignInit", session, ECDSA, 77n);
    // Somebody else replaces the key behind the token's back: a signature by another key would be a lie.
    await it.device.generateKeyPair(0);
    await it.call("C_SignInit", session, ECDSA, privateKey);
    await it.refused(0x60, "C_Sign", session, DIGEST, 64);
    await it.refused(0x60, "C_SignInit", session, ECDSA, privateKey);
    // Or erases it, after it has signed.
    const again = await withKey(it);
    await it.call("C_SignInit", again.session, ECDSA, again.privateKey);
    await it.call("C_Sign", again.session, DIGEST, 64);
    await it.call("C_SignInit", again.session, ECDSA, again.privateKey);
    await it.device.eraseKeyPair(1);
    await it.refused(0x60, "C_Sign", again.session, DIGEST, 64);
  },
  "key-type-inconsistent": async (it) => {
    const { session, privateKey, publicKey } = await withKey(it);
    await it.refused(0x63, "C_SignInit", session, ECDSA, publicKey);
    await it.refused(0x63, "C_VerifyInit", session, ECDSA, privateKey);
  },
  "mechanism-invalid": async ({ call, refused }) => {
    const [session] = await call("C_OpenSession", 1n, RW);
    await refused(0x70, "C_DigestInit", session, { type: 0x210, parameter: NO_PARAMETER });
    await refused(0x70, "C_GetMechanismInfo", 1n, 0x1051n);
    await refused(0x70, "C_GenerateKeyPair", session, "null", [], []);
    await refused(0x70, "C_SignInit", session, { type: CKM.SHA256, parameter: NO_PARAMETER }, 1n);
  },
  "mechanism-param-invalid": async ({ call, refused }) => {
    const [session] = await call("C_OpenSession", 1n, 4n);
    const parameter = { kind: "bytes", bytes: Uint8Array.of(1) } as const;
    await refused(0x71, "C_DigestInit", session, { type: CKM.SHA256, parameter });
  },
  "key-not-permitted": async (it) => {
    const { session, privateKey } = await withKey(it);
    await it.call("C_SignInit", session, ECDSA, privateKey);
    // A chip that is to sign, but not to say why not: it holds the key still.
    it.refuseNext(SIGN, 0x6986);
    await it.refused(0x68, "C_Sign", session, DIGEST, 64);
  },
  "operation-active": async (it) => {
    const { session, privateKey } = await withKey(it);
    await it.call("C_FindObjectsInit", session, []);
    await it.refused(0x90, "C_FindObjectsInit", session, []);
    await it.call("C_SignInit", session, ECDSA, privateKey);
    await it.refused(0x90, "C_SignInit", session, ECDSA, privateKey);
  },
  "operation-not-initialized": async ({ call, refused }) => {
    const [session] = await call("C_OpenSession", 1n, 4n);
    await refused(0x91, "C_FindObjects", session, 1);
    await refused(0x91, "C_DigestFinal", session, 32);
    await refused(0x91, "C_Login", session, 2n, utf8Bytes("1234"));
  },
  "data-len-range": async (it) => {
    const { session, privateKey } = await withKey(it);
    for (const length of [0, 65]) {
      await it.call("C_SignInit", session, ECDSA, privateKey);
      await it.refused(0x21, "C_Sign", session, new Uint8Array(length), 64);
    }
  },
  "signature-len-range": async (it) => {
    const { session, publicKey } = await withKey(it);
    await it.call("C_VerifyInit", session, ECDSA, publicKey);
    await it.refused(0xc1, "C_Verify", session, DIGEST, new Uint8Array(63));
  },
  "signature-invalid": async (it) => {
    const { session, publicKey } = await withKey(it);
    for (const fill of [0x00, 0x11, 0xff]) {
      await it.call("C_VerifyInit", session, ECDSA, publicKey);
      await it.refused(0xc0, "C_Verify", session, DIGEST, new Uint8Array(64).fill(fill));
    }
  },
  "template-incomplete": async (it) => {
    const { session } = await withKey(it);
    const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
    await it.refused(0xd0, "C_GenerateKeyPair", session, make, [], []);
    await it.refused(0xd0, "C_CreateObject", session, []);
    await it.refused(0xd0, "C_CreateObject", session, [attribute(CKA.CLASS, CKO.CERTIFICATE)]);
  },
  "template-inconsistent": async (it) => {
    const { session } = await withKey(it);
    const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
    const ofSession = [attribute(CKA.EC_PARAMS, P256), attribute(CKA.TOKEN, 0)];
    await it.refused(0xd1, "C_GenerateKeyPair", session, make, ofSession, []);
    await it.refused(0xd1, "C_CreateObject", session, [attribute(CKA.CLASS, CKO.PRIVATE_KEY)]);
  },
  "attribute-value-invalid": async (it) => {
    const { session } = await withKey(it);
    const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
    const params = [attribute(CKA.EC_PARAMS, P256)];
    await it.refused(0x13, "C_GenerateKeyPair", session, make, params, [attribute(CKA.EXTRACTABLE, 1)]);
    await it.refused(0x13, "C_GenerateKeyPair", session, make, params, [attribute(CKA.SENSITIVE, 0)]);
    const noise = [attribute(CKA.CLASS, CKO.CERTIFICATE), attribute(CKA.VALUE, Uint8Array.of(0x30, 0))];
    await it.refused(0x13, "C_CreateObject", session, noise);
    await it.refused(0x13, "C_FindObjectsInit", session, [{ type: CKA.LABEL, state: "absent" }]);
  },
  "attribute-read-only": async (it) => {
    const { session, privateKey } = await withKey(it);
    await it.refused(0x10, "C_SetAttributeValue", session, privateKey, [attribute(CKA.SENSITIVE, 0)]);
  },
  "action-prohibited": async (it) => {
    const { session, publicKey } = await withKey(it);
    await it.refused(0x1b, "C_DestroyObject", session, publicKey);
  },
  "curve-not-supported": async (it) => {
    const { session } = await withKey(it);
    const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
    const p384 = attribute(CKA.EC_PARAMS, fromHex("06052b81040022"));
    await it.refused(0x140, "C_GenerateKeyPair", session, make, [p384], []);
  },
  "random-seed-not-supported": async ({ call, refused }) => {
    const [session] = await call("C_OpenSession", 1n, 4n);
    await refused(0x120, "C_SeedRandom", session, Uint8Array.of(1));
  },
  "no-event": async ({ refused }) => {
    await refused(8, "C_WaitForSlotEvent", 1n);
    await refused(0x54, "C_WaitForSlotEvent", 0n);
  },
  "token-not-present": async (it) => {
    it.breakNext(1000);
    await it.refused(0xe0, "C_GetTokenInfo", 1n);
    await it.refused(0xe0, "C_OpenSession", 1n, 4n);
  },
  "device-removed": async (it) => {
    const [session] = await it.call("C_OpenSession", 1n, 4n);
    it.breakNext(1000);
    await it.refused(0x32, "C_GenerateRandom", session, 8);
  },
  "device-error": async (it) => {
    const { session, privateKey } = await withKey(it);
    await it.call("C_SignInit", session, ECDSA, privateKey);
    it.refuseNext(SIGN, 0x6f00);
    await it.refused(0x30, "C_Sign", session, DIGEST, 64);
  },
  "write-protected": async (it) => {
    const { session } = await withKey(it);
    const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
    await it.device.send("lockInjection", {});
    await it.refused(0xe2, "C_GenerateKeyPair", session, make, [attribute(CKA.EC_PARAMS, P256)], []);
  },
  "device-memory": async (it) => {
    const { session } = await withKey(it);
    const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
    const params = [attribute(CKA.EC_PARAMS, P256)];
    for (let i = 0; i < 3; i++) await it.call("C_GenerateKeyPair", session, make, params, []);
    await it.refused(0x31, "C_GenerateKeyPair", session, make, params, []);
    const der = await newCertificateFor((await it.device.keySlots())[0]?.publicKey ?? assert.fail("a key"), it.clock);
    const template = [attribute(CKA.CLASS, CKO.CERTIFICATE), attribute(CKA.VALUE, der)];
    // As many certificates as the chip's storage takes, and one more.
    const fill = async (): Promise<void> => it.device.writeCertificate(++index, der).then(fill);
    let index = 0;
    await assert.rejects(fill(), { code: "storage-full" });
    await it.refused(0x31, "C_CreateObject", session, template);
  },
  "names-not-kept": async () => {
    const it = await bench({ names: FULL_DISK });
    const { session, privateKey } = await withKey(it);
    await it.refused(5, "C_SetAttributeValue", session, privateKey, [attribute(CKA.LABEL, utf8Bytes("other"))]);
  },
};

for (const [code, provoke] of Object.entries(PROVOKED)) {
  test(`a program meets ${code}`, async () => {
    await provoke(await bench());
  });
}

test("ckrFor is total: what nobody has foreseen is a general error", () => {
  assert.equal(ckrFor(new CryptokiError("no-event", "", 8)), 8);
  assert.equal(ckrFor(new TokenFailure("device-error", "")), CKR.CKR_DEVICE_ERROR);
  for (const error of [new TypeError("defect"), undefined, "text"]) assert.equal(ckrFor(error), CKR.CKR_GENERAL_ERROR);
  assert.equal(
    Object.keys(PKCS11_ERRORS).length,
    Object.keys(PROVOKED).length + Object.keys(PKCS11_SERVER_ERRORS).length,
  );
});

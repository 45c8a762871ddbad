import { SE05X_SIGNATURE } from "../../apdu/se05x/index.ts";
import { concat, Reader } from "../../codec/index.ts";
import { listToSign, namesList } from "./access.ts";
import type { DigestName } from "./arithmetic.ts";
import type { Se05xInside } from "./handler.ts";
import { registersOf } from "./inside.ts";
import { hexId } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { RSA_SIGNATURES } from "./rsa-handlers.ts";
import { signed } from "./signatures.ts";

/** @table The hash that is told with a signature; Ed25519 hashes with SHA-512. SE05x command table, tier b */
const HASHES: Readonly<Record<number, DigestName>> = {
  [SE05X_SIGNATURE.sha1]: "sha1",
  [SE05X_SIGNATURE.sha224]: "sha224",
  [SE05X_SIGNATURE.sha256]: "sha256",
  [SE05X_SIGNATURE.sha384]: "sha384",
  [SE05X_SIGNATURE.sha512]: "sha512",
  [SE05X_SIGNATURE.ed25519]: "sha512",
};

/** Whether a key's policy has a list of files to sign, on a model that does so. SE05x command table, section 4.5 */
export function signsList({ model, store }: Se05xInside, objectId: number): boolean {
  return model.signsInternally && (store.find(objectId)?.policy.some((entry) => namesList(entry)) ?? false);
}

/**
 * Signs what the chip itself holds: the files, one behind the other, whose identifiers are in the file that the key's
 * policy names. Refused with 6A80 for another algorithm, 6985 where the list or a file is not there, 6986 where the
 * caller may not read it. SE05x command table, section 4.5
 */
export function signedInternally(inside: Se05xInside, objectId: number, algorithm: number) {
  const { store, caller, arithmetic } = inside;
  const object = store.present(objectId);
  const listId = listToSign(object, caller, registersOf(store));
  const list = new Reader(fileBytes(inside, listId));
  if (list.remaining === 0 || list.remaining % 4 !== 0) throw refuse(0x6985, `${hexId(listId)} is no list of files`);
  const files: Uint8Array[] = [];
  while (list.remaining > 0) files.push(fileBytes(inside, list.u32()));
  const message = concat(...files);
  const { content } = object;
  const name = content.kind === "rsa" ? RSA_SIGNATURES[algorithm]?.[0] : HASHES[algorithm];
  if (!name) throw refuse(0x6a80, `no such signatures with algorithm ${algorithm}`);
  const hash = arithmetic.startDigest(name);
  hash.update(message);
  const signedHash = hash.digest();
  // EC keys sign the hash, others the message itself.
  const input = content.kind === "ecPair" ? signedHash : message;
  return { signature: signed(inside, content, algorithm, input), signedHash };
}

function fileBytes(inside: Se05xInside, id: number): Uint8Array {
  const { content } = inside.demand(id, "read");
  if (content.kind !== "binary") throw refuse(0x6985, `${hexId(id)} is no file`);
  return content.bytes;
}

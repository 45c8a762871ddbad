import { readFileSync, writeFileSync } from "node:fs";

import { prepareKey } from "../agent/index.ts";
import { keyPairFromPem } from "../agent/node.ts";
import { SE05X_RESULT } from "../apdu/se05x/index.ts";
import { equal, fromHex, toHex } from "../codec/index.ts";
import { ecPublicKeyInfo, ecPublicPoint } from "../crypto/index.ts";
import { encodeSe05xReferenceKey, keyObject, type Se05x, secretObject } from "../host/se05x/index.ts";
import { certificateFromPem } from "../pki/index.ts";
import { badOption } from "./errors.ts";
import type { FILES } from "./oem-words.ts";
import type { Output } from "./output.ts";

/** Where the demonstration keeps things in the chip, as with an A71CH: key slot, certificates, pre-shared key. */
const PLACES = { slot: 0, client: 0, root: 1, psk: 0 } as const;

/**
 * What `tlsPrepareClient.sh` does, for an A5000 or SE05x: key pair, reference key, both certificates and the pre-shared
 * key. Such a chip is not reset, since that would take the keys that it was born with; and the script's data object, which
 * shows the A71CH's storage, is left out. AN12132, section 5.4
 */
export async function prepareSe05x(
  chip: Se05x,
  {
    path,
    yes,
    output,
  }: { readonly path: (name: keyof typeof FILES) => string; readonly yes: boolean; readonly output: Output },
): Promise<void> {
  const text = (name: keyof typeof FILES) => readFileSync(path(name), "utf8");
  const place = keyObject(PLACES.slot);
  const keyPair = keyPairFromPem(text("clientKey"));
  const isThere = await exists(chip, place);
  // This folder's own key is put there again without a word.
  if (isThere && !yes && !equal((await chip.signer(PLACES.slot)).publicKey, ecPublicKeyInfo(keyPair.point))) {
    throw badOption(`object 0x${place.toString(16)} of the chip holds a key already: add --yes to replace it`);
  }
  if (isThere) await chip.eraseKeyPair(PLACES.slot);
  output.note(`>> hawser se inject --slot ${PLACES.slot} --key ${path("clientKey")}`);
  const signer = await prepareKey(chip, PLACES.slot, { from: "injected", keyPair });
  const point = ecPublicPoint(signer.publicKey);
  if (!point) throw badOption(`${path("clientKey")} holds no EC key`);
  output.note(`>> hawser se refkey --slot ${PLACES.slot} --out ${path("clientReference")}`);
  writeFileSync(path("clientReference"), encodeSe05xReferenceKey(place, point));
  const keys = [{ index: PLACES.slot, publicKey: toHex(point.point) }];
  output.line({ event: "key-pairs", keys }, `public half of the key pair:\n  ${PLACES.slot}: ${toHex(point.point)}`);
  for (const name of ["client", "root"] as const) {
    output.note(`>> hawser se cert --index ${PLACES[name]} --in ${path(name)}`);
    const { der } = certificateFromPem(text(name));
    await chip.writeCertificate(PLACES[name], der);
    output.line(
      { event: "certificate-written", index: PLACES[name], bytes: der.length },
      `certificate ${PLACES[name]}: ${der.length} bytes`,
    );
  }
  const secret = secretObject(PLACES.psk);
  output.note(`>> hawser se secret --object 0x${secret.toString(16)} --kind hmac --value ********`);
  if (await exists(chip, secret)) await chip.send("deleteObject", { objectId: secret });
  await chip.secrets.put("hmac", secret, fromHex(text("psk").trim()), {});
}

async function exists(chip: Se05x, objectId: number): Promise<boolean> {
  return (await chip.send("exists", { objectId })).result === SE05X_RESULT.yes;
}

import { type Attestation, attestedAnswer, attestedResult, SE05X_SIGNATURE } from "../../apdu/se05x/index.ts";
import { concat, encode, Writer } from "../../codec/index.ts";
import type { DigestName } from "./arithmetic.ts";
import { attributesOf } from "./attributes.ts";
import type { Content } from "./contents.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { uniqueIdIn } from "./inside.ts";
import { selfTested } from "./management-handlers.ts";
import { timestampOf } from "./timestamp.ts";
import { readBytes } from "./object-handlers.ts";
import { type SecureObject, sizeOf } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { signed } from "./signatures.ts";

/** What an attestation key on a prime curve signs with; others sign messages themselves. SE05x command table, tier f */
const HASHES: Readonly<Record<number, DigestName>> = {
  [SE05X_SIGNATURE.sha1]: "sha1",
  [SE05X_SIGNATURE.sha224]: "sha224",
  [SE05X_SIGNATURE.sha256]: "sha256",
  [SE05X_SIGNATURE.sha384]: "sha384",
  [SE05X_SIGNATURE.sha512]: "sha512",
};

/** There is no object whose size could be told, so it is that of the result. */
const RESULT_SIZE = 1;

type Attested = { readonly attestationId: number; readonly algorithm: number; readonly freshness: Uint8Array };

/** Reads whose answer the chip signs. SE05x command table, tier f */
export function attestationHandlers(
  inside: Se05xInside,
): Pick<Se05xHandlers, "readAttested" | "readAttributesAttested" | "triggerSelfTestAttested"> {
  return {
    readAttested(request) {
      const object = inside.demand(request.objectId, "read");
      return attest(
        inside,
        request,
        object,
        readBytes(object, {
          offset: request.offset || undefined,
          length: request.length || undefined,
          component: request.component,
        }),
      );
    },
    readAttributesAttested: (request) => attest(inside, request, inside.store.present(request.objectId), undefined),
    triggerSelfTestAttested({ mode, attestationId, algorithm }) {
      const key = inside.demand(attestationId, "attest").content;
      const result = selfTested(inside, mode);
      const told = { result, chipId: uniqueIdIn(inside.store), size: RESULT_SIZE, timestamp: timestampOf(inside) };
      const message = concat(commandDigest(inside, "short"), encode(attestedResult, told));
      return { ...told, signature: attestingSignature(inside, key, algorithm, message) };
    },
  };
}

function attest(
  inside: Se05xInside,
  { attestationId, algorithm, freshness }: Attested,
  object: SecureObject,
  data: Uint8Array | undefined,
): Attestation {
  const key = inside.demand(attestationId, "attest").content;
  const told = {
    ...(data ? { data } : {}),
    chipId: uniqueIdIn(inside.store),
    attributes: attributesOf(object, inside.model),
    timestamp: timestampOf(inside),
  };
  const sign = (message: Uint8Array) => attestingSignature(inside, key, algorithm, message);
  if (inside.model.attestationForm === 7) {
    const signed = { ...told, size: sizeOf(object) };
    return {
      form: 7,
      ...signed,
      signature: sign(concat(commandDigest(inside, "extended"), encode(attestedAnswer, signed))),
    };
  }
  const { attributes, timestamp } = told;
  const content = concat(data ?? new Uint8Array(0), attributes, timestamp, freshness, told.chipId);
  return { form: 3, ...told, freshness, signature: sign(content) };
}

function attestingSignature(inside: Se05xInside, key: Content, algorithm: number, message: Uint8Array): Uint8Array {
  if (key.kind !== "ecPair") return signed(inside, key, algorithm, message);
  const name = HASHES[algorithm];
  if (!name) throw refuse(0x6a80, `no attestation with algorithm ${algorithm}`);
  const hash = inside.arithmetic.startDigest(name);
  hash.update(message);
  return key.key.sign(inside, hash.digest());
}

/** The hash of the command in the form that hosts give it: its length in three bytes or one, no expected length. SE05x command table, tier f */
function commandDigest({ command, hash }: Se05xInside, form: "extended" | "short"): Uint8Array {
  const { cla, ins, p1, p2, data } = command;
  const header = new Writer(7).u8(cla).u8(ins).u8(p1).u8(p2);
  if (form === "extended") header.u8(0x00).u16(data.length);
  else header.u8(data.length);
  return hash.digest("sha256", concat(header.finish(), data));
}

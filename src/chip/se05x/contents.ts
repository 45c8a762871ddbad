import { SE05X_CURVE, SE05X_TYPE } from "../../apdu/se05x/index.ts";
import { DecodeError, type Reader, type Writer } from "../../codec/index.ts";
import type { PointCurve } from "../ec-curve.ts";
import type { EdwardsCurve, MontgomeryCurve, RsaArithmetic } from "./arithmetic.ts";
import { type OkpCurve, OkpKey } from "./okp-key.ts";
import { readRsaForm, type RsaForm, rsaFootprint, RsaKey, writeRsaForm } from "./rsa-key.ts";
import { EcKey, Secret } from "./secrets.ts";

/** What an object holds. */
export type Content =
  /** `whole` is false for a private key whose public half was not given and is not told. */
  | { readonly kind: "ecPair"; readonly curve: number; readonly key: EcKey; readonly whole: boolean }
  | { readonly kind: "ecPublic"; readonly curve: number; readonly point: Uint8Array }
  /** The same on curves whose keys are byte strings, here in the order of the RFCs. */
  | { readonly kind: "okpPair"; readonly curve: number; readonly key: OkpKey; readonly whole: boolean }
  | { readonly kind: "okpPublic"; readonly curve: number; readonly publicKey: Uint8Array }
  | { readonly kind: "rsa"; readonly key: RsaKey }
  /** Authenticated encryption gives and takes no shorter tags than the key allows. */
  | { readonly kind: "aes"; readonly secret: Secret; readonly minTagLength: number }
  | { readonly kind: "des"; readonly secret: Secret }
  | { readonly kind: "userId"; readonly secret: Secret }
  | { readonly kind: "hmac"; readonly secret: Secret; readonly minOutputLength: number }
  | { readonly kind: "binary"; readonly bytes: Uint8Array }
  | { readonly kind: "counter"; readonly size: number; readonly value: bigint }
  /** A register's value follows from what it began with and was extended by. */
  | { readonly kind: "pcr"; readonly initial: Uint8Array; readonly value: Uint8Array }
  /** What a part is born to hold and makes of the seed when it is first asked for: enough to tell what it will be. */
  | { readonly kind: "rsaToCome"; readonly form: RsaForm; readonly seed: Secret }
  | { readonly kind: "fileToCome"; readonly size: number; readonly seed: Secret }
  /** What is left of a transient key whose value went with power: enough to tell what it was, and to take another. */
  | KeyShell;

/** `type` is what filters name, `curve` is there for keys on one, `size` is what hosts are told. */
export type KeyShell = {
  readonly kind: "shell";
  readonly of: LastingKind;
  readonly type: number;
  readonly curve?: number;
  readonly size: number;
};

type ContentKindName =
  | "ecPair"
  | "ecPublic"
  | "okpPair"
  | "okpPublic"
  | "rsa"
  | "aes"
  | "des"
  | "userId"
  | "hmac"
  | "binary"
  | "counter"
  | "pcr"
  | "rsaToCome"
  | "fileToCome"
  | "shell";

type LastingKind = Exclude<ContentKindName, "rsaToCome" | "fileToCome" | "shell">;

/** What keys compute with; prime curves by their identifiers on the wire. */
export type KeyPorts = {
  readonly curves: ReadonlyMap<number, PointCurve>;
  readonly edwards: EdwardsCurve;
  readonly montgomery: ReadonlyMap<number, MontgomeryCurve>;
  readonly rsa: RsaArithmetic;
};

/** The curve whose keys are byte strings, of an identifier on the wire. */
export function okpCurve({ edwards, montgomery }: KeyPorts, id: number): OkpCurve | undefined {
  return id === SE05X_CURVE.ed25519 ? edwards : montgomery.get(id);
}

/** How a shell's image says that its key was on no curve. */
const NO_CURVE = 0x00;

/** Types of RSA keys whose private half is raw; with one in CRT form the next. */
const RSA_TYPES = { pair: SE05X_TYPE.rsaPair, private: SE05X_TYPE.rsaPrivate, public: SE05X_TYPE.rsaPublic } as const;

/** Everything that depends on what kind of object one is. */
type ContentKind<C extends Content> = {
  /** What names the kind in the chip's own state image; never given to another kind. */
  readonly mark: number;
  /** The type as filters and attributes name it, and as applets below 7 answer it. */
  readonly type: (content: C) => number;
  /** Bytes of user memory. */
  readonly length: (content: C) => number;
  /** The size that hosts are told: of a key its length, of a file its bytes. */
  readonly size?: (content: C) => number;
  readonly write: (image: Writer, content: C) => void;
  readonly read: (image: Reader, ports: KeyPorts) => C;
};

const KINDS: { readonly [Kind in ContentKindName]: ContentKind<Extract<Content, { kind: Kind }>> } = {
  ecPair: {
    mark: 0,
    type: ({ whole }) => (whole ? SE05X_TYPE.ecPair : SE05X_TYPE.ecPrivate),
    length: ({ key }) => 3 * key.curve.scalarLength + 1,
    size: ({ key }) => key.curve.scalarLength,
    write(image, { curve, key, whole }) {
      image.u8(curve).u8(whole ? 1 : 0);
      key.save(image);
    },
    read(image, ports) {
      const { id, curve } = readCurve(image, ports);
      return { kind: "ecPair", curve: id, whole: image.u8() === 1, key: EcKey.load(curve, image) };
    },
  },
  ecPublic: {
    mark: 1,
    type: () => SE05X_TYPE.ecPublic,
    length: ({ point }) => point.length,
    size: ({ point }) => (point.length - 1) / 2,
    write: (image, { curve, point }) => void image.u8(curve).bytes(point),
    read(image, ports) {
      const { id, curve } = readCurve(image, ports);
      return { kind: "ecPublic", curve: id, point: image.bytes(1 + 2 * curve.scalarLength).slice() };
    },
  },
  okpPair: {
    mark: 9,
    type: ({ whole }) => (whole ? SE05X_TYPE.ecPair : SE05X_TYPE.ecPrivate),
    length: ({ key }) => 2 * key.publicKey.length,
    size: ({ key }) => key.publicKey.length,
    write(image, { curve, key, whole }) {
      image.u8(curve).u8(whole ? 1 : 0);
      key.save(image);
    },
    read(image, ports) {
      const { id, curve } = readOkpCurve(image, ports);
      return { kind: "okpPair", curve: id, whole: image.u8() === 1, key: OkpKey.load(curve, image) };
    },
  },
  okpPublic: {
    mark: 10,
    type: () => SE05X_TYPE.ecPublic,
    length: ({ publicKey }) => publicKey.length,
    write: (image, { curve, publicKey }) => void image.u8(curve).bytes(publicKey),
    read(image, ports) {
      const { id, curve } = readOkpCurve(image, ports);
      return { kind: "okpPublic", curve: id, publicKey: image.bytes(curve.keyLength).slice() };
    },
  },
  rsa: {
    mark: 11,
    type: ({ key }) => rsaType(key.form),
    length: ({ key }) => key.footprint,
    size: ({ key }) => key.length,
    write: (image, { key }) => key.save(image),
    read: (image, { rsa }) => ({ kind: "rsa", key: RsaKey.load(rsa, image) }),
  },
  aes: {
    mark: 2,
    type: () => SE05X_TYPE.aes,
    length: ({ secret }) => secret.length,
    write: (image, { secret, minTagLength }) => secret.save(image.u16(minTagLength)),
    read: (image) => ({ kind: "aes", minTagLength: image.u16(), secret: Secret.load(image) }),
  },
  des: {
    mark: 8,
    type: () => SE05X_TYPE.des,
    length: ({ secret }) => secret.length,
    write: (image, { secret }) => secret.save(image),
    read: (image) => ({ kind: "des", secret: Secret.load(image) }),
  },
  userId: {
    mark: 3,
    type: () => SE05X_TYPE.userId,
    length: ({ secret }) => secret.length,
    write: (image, { secret }) => secret.save(image),
    read: (image) => ({ kind: "userId", secret: Secret.load(image) }),
  },
  hmac: {
    mark: 4,
    type: () => SE05X_TYPE.hmac,
    length: ({ secret }) => secret.length,
    write: (image, { secret, minOutputLength }) => secret.save(image.u16(minOutputLength)),
    read: (image) => ({ kind: "hmac", minOutputLength: image.u16(), secret: Secret.load(image) }),
  },
  binary: {
    mark: 5,
    type: () => SE05X_TYPE.binary,
    length: ({ bytes }) => bytes.length,
    write: (image, { bytes }) => void image.prefixed(2, (body) => body.bytes(bytes)),
    read: (image) => ({ kind: "binary", bytes: image.prefixed(2, (body) => body.rest().slice()) }),
  },
  counter: {
    mark: 6,
    type: () => SE05X_TYPE.counter,
    length: ({ size }) => size,
    write: (image, { size, value }) => void image.u8(size).u64(value),
    read: (image) => ({ kind: "counter", size: image.u8(), value: image.u64() }),
  },
  pcr: {
    mark: 7,
    type: () => SE05X_TYPE.pcr,
    length: ({ initial, value }) => initial.length + value.length,
    size: ({ value }) => value.length,
    write: (image, { initial, value }) => void image.bytes(initial).bytes(value),
    read: (image) => ({ kind: "pcr", initial: image.bytes(32).slice(), value: image.bytes(32).slice() }),
  },
  rsaToCome: {
    mark: 13,
    type: ({ form }) => rsaType(form),
    length: ({ form }) => rsaFootprint(form),
    size: ({ form }) => form.bits / 8,
    write(image, { form, seed }) {
      writeRsaForm(image, form);
      seed.save(image);
    },
    read: (image) => ({ kind: "rsaToCome", form: readRsaForm(image), seed: Secret.load(image) }),
  },
  fileToCome: {
    mark: 14,
    type: () => SE05X_TYPE.binary,
    length: ({ size }) => size,
    write: (image, { size, seed }) => seed.save(image.u16(size)),
    read: (image) => ({ kind: "fileToCome", size: image.u16(), seed: Secret.load(image) }),
  },
  shell: {
    mark: 12,
    type: ({ type }) => type,
    length: () => 0,
    size: ({ size }) => size,
    write: (image, shell) =>
      void image
        .u8(KINDS[shell.of].mark)
        .u8(shell.type)
        .u8(shell.curve ?? NO_CURVE)
        .u16(shell.size),
    read(image) {
      const of = kindMarked(image);
      if (!isLasting(of)) throw new DecodeError("value", "kind of object", image.at);
      const [type, curve] = [image.u8(), image.u8()];
      return { kind: "shell", of, type, ...(curve === NO_CURVE ? {} : { curve }), size: image.u16() };
    },
  },
};

/** What is left of a transient object's content without power: of keys a shell, of others what they began with. SE05x APDUs, section 4.1 */
export function withoutPower(content: Content): Content {
  switch (content.kind) {
    // What parts are born with is persistent.
    case "rsaToCome":
    case "fileToCome":
    case "shell":
      return content;
    case "binary":
      return { ...content, bytes: new Uint8Array(content.bytes.length) };
    case "counter":
      return { ...content, value: 0n };
    case "pcr":
      return { ...content, value: content.initial };
    default: {
      const curve = "curve" in content ? { curve: content.curve } : {};
      return { kind: "shell", of: content.kind, type: contentType(content), ...curve, size: contentSize(content) };
    }
  }
}

/** What kind an object is or, where its value went with power, was, or will be. */
export function kindOfContent(content: Content): LastingKind {
  switch (content.kind) {
    case "shell":
      return content.of;
    case "rsaToCome":
      return "rsa";
    case "fileToCome":
      return "binary";
    default:
      return content.kind;
  }
}

function isLasting(kind: ContentKindName): kind is LastingKind {
  return kind !== "shell" && kind !== "rsaToCome" && kind !== "fileToCome";
}

function rsaType({ half, crt }: RsaForm): number {
  return RSA_TYPES[half] + (crt && half !== "public" ? 1 : 0);
}

/** The type of a content as filters and attributes name it. SE05x command table, tier b */
export function contentType(content: Content): number {
  return kindOf(content).type(content);
}

/** Bytes of user memory that a content takes. */
export function contentLength(content: Content): number {
  return kindOf(content).length(content);
}

/** The size that hosts are told. */
export function contentSize(content: Content): number {
  const kind = kindOf(content);
  return (kind.size ?? kind.length)(content);
}

/** Appends a content to the chip's own state image. */
export function writeContent(image: Writer, content: Content): void {
  const kind = kindOf(content);
  kind.write(image.u8(kind.mark), content);
}

/** A content from the chip's own state image. Throws `DecodeError` for a kind or curve that this chip does not have. */
export function readContent(image: Reader, ports: KeyPorts): Content {
  return KINDS[kindMarked(image)].read(image, ports);
}

function kindMarked(image: Reader): ContentKindName {
  const at = image.at;
  const mark = image.u8();
  const found = Object.entries(KINDS).find(([, each]) => each.mark === mark);
  if (!found) throw new DecodeError("value", "kind of object", at);
  // The names of the kinds are the keys of the table.
  return found[0] as ContentKindName;
}

function kindOf(content: Content): ContentKind<Content> {
  // The entry of a kind takes contents of that kind, which this one is.
  return KINDS[content.kind] as unknown as ContentKind<Content>;
}

function readCurve(image: Reader, { curves }: KeyPorts): { readonly id: number; readonly curve: PointCurve } {
  return readNamed(image, (id) => curves.get(id));
}

function readOkpCurve(image: Reader, ports: KeyPorts): { readonly id: number; readonly curve: OkpCurve } {
  return readNamed(image, (id) => okpCurve(ports, id));
}

function readNamed<Curve>(image: Reader, named: (id: number) => Curve | undefined) {
  const at = image.at;
  const id = image.u8();
  const curve = named(id);
  if (!curve) throw new DecodeError("value", `curve ${id}`, at);
  return { id, curve };
}

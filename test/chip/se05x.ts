import assert from "node:assert/strict";

import {
  type CommandApdu,
  decodeExtendedCommand,
  decodeLongResponse,
  encodeExtendedCommand,
  type ResponseApdu,
  type Scp03Options,
  Scp03Session,
} from "../../src/apdu/index.ts";
import { nodeBlockCipher } from "../../src/apdu/node.ts";
import {
  SE05X_COMMAND_SET,
  type Se05xCommandName,
  type Se05xRequest,
  type Se05xResponse,
} from "../../src/apdu/se05x/index.ts";
import type { NonVolatileMemory } from "../../src/chip/index.ts";
import { nodeSe05xCrypto } from "../../src/chip/node.ts";
import { Se05xChip, type Se05xModelName } from "../../src/chip/se05x/index.ts";
import { fromHex } from "../../src/codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../src/crypto/index.ts";
import { nodeHash } from "../../src/crypto/node.ts";

/** Command bytes go in, answer bytes come out, through whatever lies between. */
export type Exchange = (command: Uint8Array) => Uint8Array;

/** NXP's published keys of the platform's secure channel for applet 7.2 (AN12436). */
export const APPLET_72_KEYS = {
  enc: fromHex("d2db63e7a0a5aed72a6460c4dfdcaf64"),
  mac: fromHex("738d5b798ed241b0b24768514bfba95b"),
  dek: fromHex("6702dac30942b2c85e7f47b42ced4e7f"),
};

/** The same for the SE050 development kit. */
export const DEVELOPMENT_KIT_KEYS = {
  enc: fromHex("35c256458958a34f6136155f8209d6cd"),
  mac: fromHex("af177d5dbdf7c0d5c10a05b9f1607f78"),
  dek: fromHex("a1bc8438bf77935b361a4425fe79fa29"),
};

/** A seeded chip, its clock, and the way to it. */
export async function newSe05x(
  options: { readonly model?: Se05xModelName; readonly memory?: NonVolatileMemory; readonly seed?: string } = {},
) {
  const { model = "se051", memory, seed = "se05x" } = options;
  const clock = new VirtualClock();
  const chip = await Se05xChip.open({
    model,
    crypto: nodeSe05xCrypto,
    entropy: new SeededEntropy(nodeHash, seed),
    clock,
    ...(memory ? { memory } : {}),
  });
  return { chip, clock, host: new Host((command) => chip.exchange(command)) };
}

/** A host as tests need it: typed commands over an exchange, and the channels and sessions that wrap it. */
export class Host {
  readonly exchange: Exchange;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  raw(command: Uint8Array | string): ResponseApdu {
    return decodeLongResponse(this.exchange(typeof command === "string" ? fromHex(command) : command));
  }

  /** The answer of a command that must be carried out. */
  send<Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): Se05xResponse<Key> {
    const { data, sw } = this.raw(bytesOf(key, request));
    assert.equal(sw.toString(16), "9000", key);
    return SE05X_COMMAND_SET.readResponse(key, data);
  }

  /** The status word of a command, in hex. */
  sw<Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): string {
    return this.raw(bytesOf(key, request)).sw.toString(16);
  }

  /** Whatever goes through the result goes into this session. */
  inSession(sessionId: Uint8Array): Host {
    return new Host((command) => this.exchange(bytesOf("processSession", { sessionId, command })));
  }

  /** A channel by static keys: the platform's, or in a session of an AES key its own. Asserts the chip's proof. */
  openChannel(
    keys: { readonly enc: Uint8Array; readonly mac: Uint8Array },
    options: { readonly keyVersion: number; readonly level?: number } & Scp03Options,
  ): Host {
    const { keyVersion, level = 0x33, ...rest } = options;
    const hostChallenge = fromHex("1122334455667788");
    const answer = this.send("initializeUpdate", { keyVersion, hostChallenge });
    const challenges = { host: hostChallenge, card: answer.cardChallenge };
    const scp = new Scp03Session(nodeBlockCipher, keys, challenges, { extendedLengths: true, ...rest });
    assert.deepEqual(answer.cardCryptogram, scp.cardCryptogram);
    const mac = scp.authenticationMac(scp.hostCryptogram, level);
    this.send("externalAuthenticate", { level, hostCryptogram: scp.hostCryptogram, mac });
    scp.useLevel(level);
    return this.through(scp);
  }

  /** Whatever goes through the result goes into this channel; refusals come back bare. */
  through(scp: Scp03Session): Host {
    return new Host((command) => {
      const secured: CommandApdu = scp.protectCommand(decodeExtendedCommand(command));
      const answer = scp.openResponse(decodeLongResponse(this.exchange(encodeExtendedCommand(secured))));
      return Uint8Array.of(...answer.data, answer.sw >> 8, answer.sw & 0xff);
    });
  }
}

/** Bytes of a command of the table. */
export function bytesOf<Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): Uint8Array {
  return encodeExtendedCommand(SE05X_COMMAND_SET.build(key, request));
}

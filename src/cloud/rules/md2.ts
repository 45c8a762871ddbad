/** The MD2 digest of some bytes, 16 bytes. Broken since 2009: rules of old fleets make short keys with it. RFC 1319, section 3 */
export function md2(bytes: Uint8Array): Uint8Array {
  const padding = 16 - (bytes.length % 16);
  const padded = new Uint8Array(bytes.length + padding + 16).fill(padding, bytes.length);
  padded.set(bytes);
  padded.set(checksumOf(padded.subarray(0, -16)), padded.length - 16);
  const state = new Uint8Array(48);
  for (let at = 0; at < padded.length; at += 16) {
    for (let i = 0; i < 16; i++) {
      state[16 + i] = padded[at + i] ?? 0;
      state[32 + i] = (state[16 + i] ?? 0) ^ (state[i] ?? 0);
    }
    let last = 0;
    for (let round = 0; round < 18; round++) {
      for (let i = 0; i < 48; i++) last = state[i] = (state[i] ?? 0) ^ substituted(last);
      last = (last + round) & 0xff;
    }
  }
  return state.slice(0, 16);
}

function checksumOf(bytes: Uint8Array): Uint8Array {
  const checksum = new Uint8Array(16);
  let last = 0;
  for (const [i, byte] of bytes.entries()) {
    last = (checksum[i % 16] ?? 0) ^ substituted(byte ^ last);
    checksum[i % 16] = last;
  }
  return checksum;
}

let substitution: Uint8Array | undefined;

function substituted(byte: number): number {
  return (substitution ??= shuffledByPi())[byte] ?? 0;
}

/** "a 'random' permutation of the bytes constructed from the digits of pi": Durstenfeld's shuffle. RFC 1319, section 3.2 */
function shuffledByPi(): Uint8Array {
  const digits = digitsOfPi(800);
  const table = Uint8Array.from({ length: 256 }, (_, i) => i);
  let next = 0;
  const below = (n: number): number => {
    for (;;) {
      let value = 0;
      let range = 1;
      while (range < n) {
        value = value * 10 + Number(digits[next++]);
        range *= 10;
      }
      if (value < n * Math.floor(range / n)) return value % n;
    }
  };
  for (let n = 2; n <= 256; n++) {
    const other = below(n);
    const moved = table[other] ?? 0;
    table[other] = table[n - 1] ?? 0;
    table[n - 1] = moved;
  }
  return table;
}

/** 3 and what follows, by Machin's formula with ten digits to spare. */
function digitsOfPi(count: number): string {
  const one = 10n ** BigInt(count + 10);
  const arctanOfInverse = (x: bigint): bigint => {
    let sum = 0n;
    let sign = 1n;
    for (let power = one / x, n = 1n; power > 0n; power /= x * x, n += 2n, sign = -sign) sum += sign * (power / n);
    return sum;
  };
  return String(4n * (4n * arctanOfInverse(5n) - arctanOfInverse(239n)));
}

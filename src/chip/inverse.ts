/**
 * The inverse of 1..m-1 modulo an odd number that it shares no factor with, by Bernstein and Yang's division steps: 25 at a
 * time are taken on the lowest 25 bits of both numbers, as one matrix, and the matrix is then applied to the whole.
 * Numbers are limbs of 25 bits, whose products and their sums a double holds exactly: three times as fast as bigints.
 * Its time depends on the value, as that of everything in a simulated chip does.
 */
export function inverse(value: bigint, modulus: bigint): bigint {
  const known = MODULI.get(modulus) ?? prepared(modulus);
  const count = known.limbs.length;
  // f and g are the two whose greatest common divisor, 1, is sought; d · value = f and e · value = g modulo `modulus`.
  const f = known.limbs.slice();
  const g = limbsOf(value, count);
  const [d, e] = [limbsOf(0n, count), limbsOf(1n, count)];
  const steps: Steps = { eta: -1, u: 1, v: 0, q: 0, r: 1 };
  while (!isZero(g)) {
    takeSteps(f[0] ?? 0, g[0] ?? 0, steps);
    applyModulo(d, e, steps, known);
    apply(f, g, steps);
  }
  const found = (f[count - 1] ?? 0) < 0 ? -integerOf(d) : integerOf(d);
  const rest = found % modulus;
  return rest < 0n ? rest + modulus : rest;
}

const LIMB_BITS = 25;
const LIMB = 2 ** LIMB_BITS;
const LOW_BITS = LIMB - 1;
/** Exact, and faster than to divide. */
const PER_LIMB = 1 / LIMB;

/** Least limb first; each is within 0..2^25-1, but the last has the sign. */
type Limbs = number[];

/** A modulus, and its own inverse modulo 2^25. */
type Modulus = { readonly limbs: readonly number[]; readonly inverse: number };

/** The matrix `u v / q r` of 25 steps, and which number is ahead, by how much, as the next steps find it. */
type Steps = { eta: number; u: number; v: number; q: number; r: number };

/** A simulated chip has few curves, and is asked for each again and again. */
const MODULI = new Map<bigint, Modulus>();

function prepared(modulus: bigint): Modulus {
  // Two bits more than it has: d and e stay within twice the modulus on either side of 0.
  const limbs = limbsOf(modulus, Math.ceil((modulus.toString(2).length + 2) / LIMB_BITS));
  const [lowest = 1] = limbs;
  let inverted = lowest;
  // Newton: the number of right bits, of which an odd number has three by itself, doubles each time.
  for (let right = 3; right < LIMB_BITS; right *= 2) inverted = Math.imul(inverted, 2 - Math.imul(lowest, inverted));
  const made = { limbs, inverse: inverted & LOW_BITS };
  MODULI.set(modulus, made);
  return made;
}

/** 25 steps, by the lowest bits alone. Up to six bits of g go at once, by adding that multiple of f which clears them. */
function takeSteps(lowF: number, lowG: number, steps: Steps): void {
  let f = lowF;
  let g = lowG;
  let { eta } = steps;
  let u = 1;
  let v = 0;
  let q = 0;
  let r = 1;
  for (let left = LIMB_BITS; ;) {
    const bits = g | (1 << left);
    const zeros = 31 - Math.clz32(bits & -bits);
    g >>= zeros;
    u <<= zeros;
    v <<= zeros;
    eta -= zeros;
    left -= zeros;
    if (left === 0) break;
    if (eta < 0) {
      eta = -eta;
      [f, g] = [g, -f];
      [u, q] = [q, -u];
      [v, r] = [r, -v];
    }
    const clearable = Math.min(eta + 1, left, 6);
    // Modulo 64, f · (f² - 2) is -1/f.
    const times = Math.imul(Math.imul(f, g), Math.imul(f, f) - 2) & ((1 << clearable) - 1);
    g = (g + Math.imul(f, times)) | 0;
    q = (q + Math.imul(u, times)) | 0;
    r = (r + Math.imul(v, times)) | 0;
  }
  steps.eta = eta;
  steps.u = u;
  steps.v = v;
  steps.q = q;
  steps.r = r;
}

/** `(u f + v g, q f + r g) / 2^25`, which leaves no rest. */
function apply(f: Limbs, g: Limbs, { u, v, q, r }: Steps): void {
  const f0 = f[0] ?? 0;
  const g0 = g[0] ?? 0;
  let carryF = (u * f0 + v * g0) * PER_LIMB;
  let carryG = (q * f0 + r * g0) * PER_LIMB;
  for (let i = 1; i < f.length; i++) {
    const fi = f[i] ?? 0;
    const gi = g[i] ?? 0;
    const sumF = carryF + u * fi + v * gi;
    const sumG = carryG + q * fi + r * gi;
    carryF = Math.floor(sumF * PER_LIMB);
    carryG = Math.floor(sumG * PER_LIMB);
    f[i - 1] = sumF - carryF * LIMB;
    g[i - 1] = sumG - carryG * LIMB;
  }
  f[f.length - 1] = carryF;
  g[g.length - 1] = carryG;
}

/** The same to d and e, modulo the modulus: so much of it is added that no rest is left. */
function applyModulo(d: Limbs, e: Limbs, { u, v, q, r }: Steps, { limbs, inverse: inverted }: Modulus): void {
  const last = d.length - 1;
  const negativeD = (d[last] ?? 0) < 0 ? 1 : 0;
  const negativeE = (e[last] ?? 0) < 0 ? 1 : 0;
  const d0 = d[0] ?? 0;
  const e0 = e[0] ?? 0;
  const m0 = limbs[0] ?? 0;
  let carryD = u * d0 + v * e0;
  let carryE = q * d0 + r * e0;
  let timesD = u * negativeD + v * negativeE;
  let timesE = q * negativeD + r * negativeE;
  timesD -= (Math.imul(inverted, lowest(carryD)) + timesD) & LOW_BITS;
  timesE -= (Math.imul(inverted, lowest(carryE)) + timesE) & LOW_BITS;
  carryD = (carryD + m0 * timesD) * PER_LIMB;
  carryE = (carryE + m0 * timesE) * PER_LIMB;
  for (let i = 1; i <= last; i++) {
    const di = d[i] ?? 0;
    const ei = e[i] ?? 0;
    const mi = limbs[i] ?? 0;
    const sumD = carryD + u * di + v * ei + mi * timesD;
    const sumE = carryE + q * di + r * ei + mi * timesE;
    carryD = Math.floor(sumD * PER_LIMB);
    carryE = Math.floor(sumE * PER_LIMB);
    d[i - 1] = sumD - carryD * LIMB;
    e[i - 1] = sumE - carryE * LIMB;
  }
  d[last] = carryD;
  e[last] = carryE;
}

function isZero(limbs: Limbs): boolean {
  for (let i = 0; i < limbs.length; i++) if (limbs[i] !== 0) return false;
  return true;
}

function lowest(value: number): number {
  return value - Math.floor(value * PER_LIMB) * LIMB;
}

function limbsOf(value: bigint, count: number): Limbs {
  const limbs: Limbs = [];
  // Two at a time: a bigint is slow to take apart.
  for (let left = value; limbs.length < count; left >>= BigInt(2 * LIMB_BITS)) {
    const two = Number(BigInt.asUintN(2 * LIMB_BITS, left));
    const high = Math.floor(two * PER_LIMB);
    limbs.push(two - high * LIMB, high);
  }
  return limbs.slice(0, count);
}

function integerOf(limbs: Limbs): bigint {
  let value = 0n;
  let at = limbs.length - 1;
  if (limbs.length % 2 === 1) value = BigInt(limbs[at--] ?? 0);
  for (; at > 0; at -= 2)
    value = (value << BigInt(2 * LIMB_BITS)) + BigInt((limbs[at] ?? 0) * LIMB + (limbs[at - 1] ?? 0));
  return value;
}

import { CURVE_LIST_LENGTH, EC_DOMAINS, type EcDomain } from "../../apdu/se05x/index.ts";
import { toHex } from "../../codec/index.ts";
import type { PointCurve } from "../ec-curve.ts";
import { WHOLE_CURVE } from "./curves.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";

type CurveCommand = "readCurveList" | "curveOfKey" | "createCurve" | "setCurveParameter" | "deleteCurve";

/** Parameters by their bit, and all of them. SE05x command table, tier b */
const PARAMETERS: Readonly<Record<number, keyof EcDomain>> = { 0x01: "a", 0x02: "b", 0x04: "g", 0x08: "n", 0x10: "p" };
/** Of curves that keys may be on, and that they may not: what a list says. */
const LISTED = { no: 0x01, yes: 0x02 } as const;

/** Curves, which a host makes before it makes keys on them. SE05x command table, tier b */
export function curveHandlers(inside: Se05xInside): Pick<Se05xHandlers, CurveCommand> {
  const { store } = inside;
  const change = (id: number, mask: number) => {
    inside.demandMaking();
    store.configure({ curves: new Map(store.settings.curves).set(id, mask) });
    return {};
  };
  return {
    readCurveList: () => ({
      curves: Uint8Array.from({ length: CURVE_LIST_LENGTH }, (_, i) =>
        findCurve(inside, i + 1) ? LISTED.yes : LISTED.no,
      ),
    }),
    curveOfKey({ objectId }) {
      const { content } = store.present(objectId);
      if (!("curve" in content) || content.curve === undefined) throw refuse(0x6985, "no key on a curve");
      return { curve: content.curve };
    },
    createCurve({ curve }) {
      if (!inside.model.curves.has(curve)) throw refuse(0x6a80, `curve ${curve} is not in this chip`);
      if (store.settings.curves.has(curve)) throw refuse(0x6985, `curve ${curve} exists`);
      return change(curve, 0);
    },
    setCurveParameter({ curve, parameter, value }) {
      const mask = store.settings.curves.get(curve);
      const name = PARAMETERS[parameter];
      const domain = EC_DOMAINS.get(curve);
      if (mask === undefined || !domain) throw refuse(0x6985, `curve ${curve} was not made`);
      if (!name) throw refuse(0x6a80, `parameter ${parameter}`);
      const own = domain[name];
      const isRight = name === "g" ? own === toHex(value) : BigInt(`0x${own}`) === BigInt(`0x0${toHex(value)}`);
      // A curve under a known name with other parameters would take keys into a weak group.
      if (!isRight) throw refuse(0x6a80, `${name} is not that of curve ${curve}`);
      return change(curve, mask | parameter);
    },
    deleteCurve({ curve }) {
      inside.demandChanging();
      const curves = new Map(store.settings.curves);
      if (!curves.delete(curve)) throw refuse(0x6985, `curve ${curve} was not made`);
      for (const { content } of store) {
        if ("curve" in content && content.curve === curve) throw refuse(0x6985, "there are keys on the curve");
      }
      store.configure({ curves });
      return {};
    },
  };
}

/** A prime curve that keys can be on. */
export function findCurve({ curves, store }: Se05xInside, id: number): PointCurve | undefined {
  return store.settings.curves.get(id) === WHOLE_CURVE ? curves.get(id) : undefined;
}

import { fromHex, toHex } from "../../codec/index.ts";
import type { Hash } from "../../crypto/index.ts";
import { certificateFromPem } from "../../pki/index.ts";
import type { RefusalCause } from "../../trace/index.ts";
import type { Admission, Gatekeeper, Peer } from "../broker/index.ts";
import { causeOfStatus } from "../onboarding/index.ts";
import { describeCertificate, iotArn, settingOr, type Registry } from "../registry/index.ts";
import { isoSecond, TemporaryKeySeal, type TemporaryKey } from "./seal.ts";

/** Who decides about the certificate that temporary credentials stand for, as if it had come with the handshake. */
export type CertificateGate = Gatekeeper & { authorize(peer: Peer): Promise<Admission> };

export type TemporaryKeysOptions = {
  readonly registry: Registry;
  readonly seal: TemporaryKeySeal;
  readonly next: CertificateGate;
};

/**
 * What temporary credentials are worth: exactly what their certificate is at that moment. They prove no possession of its
 * key, so nobody is registered by them.
 */
export class TemporaryKeys {
  readonly #options: TemporaryKeysOptions;
  readonly seal: TemporaryKeySeal;

  constructor(options: TemporaryKeysOptions) {
    this.#options = options;
    this.seal = options.seal;
  }

  /** Decides about a request that was signed with temporary credentials. */
  async authorize(key: TemporaryKey, peer: Peer): Promise<Admission> {
    const known = await this.#standing(key, { peer, clientId: "" });
    return "cause" in known ? known : this.#options.next.authorize(known);
  }

  /** Decides on the CONNECT of who opened a WebSocket with them. */
  gateFor(key: TemporaryKey): Gatekeeper {
    return {
      admit: async (request) => {
        const known = await this.#standing(key, request);
        return "cause" in known ? known : this.#options.next.admit({ ...request, peer: known });
      },
    };
  }

  /** Writes to the ledger that a WebSocket was ended with its credentials. */
  tellExpired(key: TemporaryKey, peer: Peer): void {
    this.#refuse("session-expired", key, { peer, clientId: "" });
  }

  async #standing(key: TemporaryKey, who: Who): Promise<Peer | Extract<Admission, { admit: false }>> {
    const { registry } = this.#options;
    if (registry.clock.now() >= key.expiresAt) return this.#refuse("session-expired", key, who);
    const { certificateId } = key;
    const status = registry.directory.certificate(certificateId)?.status;
    if (status !== "ACTIVE") return this.#refuse(causeOfStatus(status), key, who);
    const { pem } = await describeCertificate(registry, certificateId);
    return { ...who.peer, certificates: [certificateFromPem(pem).der] };
  }

  #refuse(
    cause: RefusalCause,
    { certificateId, expiresAt }: TemporaryKey,
    { peer: { address, connection }, clientId }: Who,
  ): Extract<Admission, { admit: false }> {
    const { trace, account, directory } = this.#options.registry;
    const status = directory.certificate(certificateId)?.status ?? "deleted";
    const certificateArn = iotArn(account, "cert", certificateId);
    const evidence = { certificateId, certificateArn, status, expiration: isoSecond(expiresAt) };
    const ids = { certificate: certificateId, connection, ...(clientId !== "" && { device: clientId }) };
    trace.emit("cloud", { kind: "refusal", cause, clientId, address, evidence }, ids);
    return { admit: false, cause, reply: "connack" };
  }
}

type Who = { readonly peer: Peer; readonly clientId: string };

/** The seal of a store, whose key is made at the first start. */
export async function openSeal(registry: Registry, hash: Hash): Promise<TemporaryKeySeal> {
  const { store, clock, entropy } = registry;
  const key = await store.write((queries) => settingOr(queries, "temporary-key", () => toHex(entropy.bytes(32))));
  return new TemporaryKeySeal(fromHex(key), { clock, entropy, hash });
}

import { Denied, toBase64, toHex, utf8Bytes } from "../../codec/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import {
  deleteCertificateRow,
  describeCertificate,
  newResource,
  resourceKind,
  type Registry,
} from "../registry/index.ts";
import type { Workshop } from "./carry-out.ts";

/** A certificate that goes away by itself: a claim, or one whose device never registered a thing with it. */
type Body = { readonly until: number; readonly tokenHash: string | null };

const TEMPORARY = resourceKind<Body>("temporary-certificate", "Temporary certificate");

/** How long a device may take from its certificate to its registration. AWS IoT Core, "Device provisioning MQTT API" */
const OWNERSHIP_MS = 3_600_000;

/** Gives a certificate's owner a token that proves to be the owner, for an hour. */
export async function giveOwnership({ registry, hash }: Workshop, certificateId: string): Promise<string> {
  const { store, clock, entropy, account } = registry;
  const token = `${certificateId}.${toBase64(entropy.bytes(48)).replaceAll("+", "-").replaceAll("/", "_")}`;
  const tokenHash = toHex(hash.digest("sha256", utf8Bytes(token)));
  const body = { until: Math.floor(clock.now()) + OWNERSHIP_MS, tokenHash };
  await store.write((queries) => TEMPORARY.insert(queries, newResource(certificateId, body, clock.now()), account.id));
  return token;
}

/** Notes that a claim's certificate ends at a time. */
export async function endAt({ store, clock, account }: Registry, certificateId: string, until: number): Promise<void> {
  const made = newResource<Body>(certificateId, { until, tokenHash: null }, clock.now());
  await store.write((queries) => TEMPORARY.insert(queries, made, account.id));
}

/** The certificate that a token gives the ownership of. Throws `Denied` `ownership-token`. */
export async function ownedBy({ registry, hash }: Workshop, token: string): Promise<string> {
  const id = token.slice(0, 64);
  const found = await TEMPORARY.find(registry.store.read, id);
  const isRight = found?.body.tokenHash === toHex(hash.digest("sha256", utf8Bytes(token)));
  if (!found || !isRight) throw noOwner("the certificateOwnershipToken was not given here, or was used");
  if (found.body.until <= registry.clock.now()) throw noOwner("the certificateOwnershipToken has expired");
  return id;
}

/** Ends a token: its certificate is there to stay. */
export async function keepForGood({ store }: Registry, certificateId: string): Promise<void> {
  await store.write((queries) => TEMPORARY.remove(queries, certificateId));
}

/** Deletes what is past its time: certificates that nobody activated or attached, and claims with their attachments. */
export async function sweepTemporary(registry: Registry): Promise<void> {
  const { store, clock, directory } = registry;
  const past = (await TEMPORARY.all(store.read)).filter(({ body }) => body.until <= clock.now());
  for (const { name: id, body } of past) {
    const isClaim = body.tokenHash === null;
    const { status } = await describeCertificate(registry, id).catch(() => ({ status: undefined }));
    const isWaiting = status === "PENDING_ACTIVATION" && (directory.certificate(id)?.things.length ?? 0) === 0;
    await store.write(
      async (queries) => {
        await TEMPORARY.remove(queries, id);
        if (!isClaim && !isWaiting) return;
        await queries.deleteFrom("policy_attachments").where("target", "=", id).execute();
        const row = await queries.selectFrom("certificates").selectAll().where("id", "=", id).executeTakeFirst();
        if (row) await deleteCertificateRow(registry, queries, row);
      },
      () => {
        if (isClaim || isWaiting) directory.setCertificate(id, undefined);
      },
    );
  }
}

function noOwner(message: string): Denied<CloudErrorCode> {
  return new Denied("ownership-token", message);
}

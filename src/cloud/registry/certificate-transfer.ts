import { Conflict } from "../../codec/index.ts";
import { notFound, type CloudErrorCode } from "../errors.ts";
import type { CertificateRow, Queries } from "../store/index.ts";
import { normalCertificateId } from "./account.ts";
import { rowOf } from "./certificates.ts";
import type { CertificateStatus } from "./entries.ts";
import type { Page, PageRequest } from "./pages.ts";
import type { Registry } from "./registry.ts";
import { changedResource, newResource, resourceKind, type Resource } from "./resources.ts";

/** What became of a certificate's transfer; times in milliseconds since 1970. */
type Body = {
  readonly to: string;
  readonly message: string | undefined;
  readonly transferredAt: number;
  readonly acceptedAt?: number;
  readonly rejectedAt?: number;
  readonly rejectReason?: string | undefined;
};

export type CertificateTransfer = Resource<Body>;

const TRANSFERS = resourceKind<Body>("certificate-transfer", "Transfer of certificate");

/**
 * Offers an INACTIVE certificate that nothing is attached to to an account, this one included. Throws `NotFound`, `Conflict`
 * `certificate-state`, `transfer-conflict`. AWS IoT API, TransferCertificate
 */
export async function transferCertificate(
  registry: Registry,
  certificateId: string,
  { to, message }: { readonly to: string; readonly message?: string | undefined },
): Promise<void> {
  const id = normalCertificateId(certificateId);
  const { store, clock, directory } = registry;
  await store.write(
    async (queries) => {
      const row = await rowOf(queries, id);
      if (row.status !== "INACTIVE") {
        const message = `Certificate must be INACTIVE to be transferred, not ${row.status}. Id: ${id}`;
        throw new Conflict<CloudErrorCode>("certificate-state", message);
      }
      const entry = directory.certificate(id);
      if (entry && (entry.policies.length > 0 || entry.things.length > 0)) {
        const message = `Policies and things must be detached before the transfer. Id: ${id}`;
        throw new Conflict<CloudErrorCode>("transfer-conflict", message);
      }
      await TRANSFERS.remove(queries, id);
      const body = { to, message, transferredAt: Math.floor(clock.now()) };
      await TRANSFERS.insert(queries, newResource<Body>(id, body, clock.now()), "");
      await putAnyStatus(registry, queries, { row, status: "PENDING_TRANSFER" });
    },
    () => statusTold(registry, id, "PENDING_TRANSFER"),
  );
}

/** Takes a certificate that was offered to this account. Throws `NotFound`, `Conflict` `transfer-completed`. */
export async function acceptTransfer(
  registry: Registry,
  certificateId: string,
  { setAsActive = false }: { readonly setAsActive?: boolean | undefined } = {},
): Promise<void> {
  const acceptedAt = Math.floor(registry.clock.now());
  await settle(registry, certificateId, {
    as: "target",
    status: setAsActive ? "ACTIVE" : "INACTIVE",
    change: { acceptedAt },
  });
}

/** Sends back a certificate that was offered to this account. Throws `NotFound`, `Conflict` `transfer-completed`. */
export async function rejectTransfer(
  registry: Registry,
  certificateId: string,
  rejectReason: string | undefined,
): Promise<void> {
  const rejectedAt = Math.floor(registry.clock.now());
  await settle(registry, certificateId, { as: "target", status: "INACTIVE", change: { rejectedAt, rejectReason } });
}

/** Takes an offer back. Throws `NotFound`, `Conflict` `transfer-completed`. */
export async function cancelTransfer(registry: Registry, certificateId: string): Promise<void> {
  await settle(registry, certificateId, { as: "source", status: "INACTIVE", change: undefined });
}

/** Certificates that were offered and not answered, by date of the offer. */
export async function listOutgoing({ store }: Registry, request: PageRequest): Promise<Page<CertificateTransfer>> {
  const isOpen = ({ body }: CertificateTransfer) => body.acceptedAt === undefined && body.rejectedAt === undefined;
  return TRANSFERS.page(store.read, { ...request, matches: isOpen });
}

/** What became of a certificate's last transfer, if there was one. */
export async function transferOf({ store }: Registry, id: string): Promise<CertificateTransfer["body"] | undefined> {
  return (await TRANSFERS.find(store.read, id))?.body;
}

type Settlement = {
  readonly as: "source" | "target";
  readonly status: "ACTIVE" | "INACTIVE";
  /** Undefined where the offer was taken back and is as good as never made. */
  readonly change: Partial<Body> | undefined;
};

async function settle(registry: Registry, certificateId: string, { as, status, change }: Settlement): Promise<void> {
  const id = normalCertificateId(certificateId);
  const { store, account, clock } = registry;
  await store.write(
    async (queries) => {
      const row = await rowOf(queries, id);
      const transfer = await TRANSFERS.find(queries, id);
      if (transfer && as === "target" && transfer.body.to !== account.id)
        throw notFound(`Transfer of certificate ${id}`);
      if (!transfer || row.status !== "PENDING_TRANSFER") {
        const message = `No transfer of certificate ${id} is waiting: it was accepted, rejected or cancelled`;
        throw new Conflict<CloudErrorCode>("transfer-completed", message);
      }
      if (change)
        await TRANSFERS.replace(queries, changedResource(transfer, { ...transfer.body, ...change }, clock.now()));
      else await TRANSFERS.remove(queries, id);
      await putAnyStatus(registry, queries, { row, status });
    },
    () => statusTold(registry, id, status),
  );
}

async function putAnyStatus(
  { clock }: Registry,
  queries: Queries,
  { row, status }: { readonly row: CertificateRow; readonly status: CertificateStatus },
): Promise<void> {
  const changes = { status, modified_at: Math.floor(clock.now()), version: row.version + 1 };
  await queries.updateTable("certificates").set(changes).where("id", "=", row.id).execute();
}

function statusTold({ directory }: Registry, id: string, status: CertificateStatus): void {
  const entry = directory.certificate(id);
  if (entry) directory.setCertificate(id, { ...entry, status });
}

import {
  acceptTransfer,
  cancelTransfer,
  iotArn,
  listOutgoing,
  normalCertificateId,
  rejectTransfer,
  transferCertificate,
  type Registry,
} from "../../registry/index.ts";
import { type HandlersOf, type TRANSFER_OPERATIONS, markerPage, pageRequestOf } from "../../operations/index.ts";

/** Certificate transfer in AWS's words. */
export function transferHandlers(registry: Registry): HandlersOf<keyof typeof TRANSFER_OPERATIONS> {
  const { account } = registry;
  return {
    async TransferCertificate({ certificateId, targetAwsAccount: to, transferMessage: message }) {
      await transferCertificate(registry, certificateId, { to, message });
      const id = normalCertificateId(certificateId);
      return { transferredCertificateArn: iotArn({ ...account, id: to }, "cert", id) };
    },
    AcceptCertificateTransfer: ({ certificateId, setAsActive }) =>
      acceptTransfer(registry, certificateId, { setAsActive }),
    RejectCertificateTransfer: ({ certificateId, rejectReason }) =>
      rejectTransfer(registry, certificateId, rejectReason),
    CancelCertificateTransfer: ({ certificateId }) => cancelTransfer(registry, certificateId),
    async ListOutgoingCertificates(input) {
      const page = await listOutgoing(registry, pageRequestOf(input));
      return markerPage("outgoingCertificates", page, ({ name, body, createdAt }) => ({
        certificateArn: iotArn(account, "cert", name),
        certificateId: name,
        transferredTo: body.to,
        transferDate: body.transferredAt / 1000,
        transferMessage: body.message,
        creationDate: createdAt / 1000,
      }));
    },
  };
}

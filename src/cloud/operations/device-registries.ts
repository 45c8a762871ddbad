import { answering, body, OK, operation, required, uri, type ResultOf } from "./operation.ts";
import { about, boolean, list, number, record, string } from "./shape.ts";

const REGISTRY = record(
  {
    registryName: string(),
    caCertificateIds: list(string()),
    caSubjects: list(string()),
    policies: about("What a certificate is given that registers itself by its first login.", list(string())),
    autoRegister: boolean,
    derSignatures: boolean,
    createdAt: about("Milliseconds since 1970.", number()),
  },
  ["registryName", "caCertificateIds", "caSubjects", "policies", "autoRegister", "derSignatures", "createdAt"],
);

/** The audience of tokens, so short and without surprises. */
const NAME = string({ min: 1, max: 128, pattern: /[\w.:/-]+/ });

/** Our own operations about the registries of devices that log in by JWT. AN-7648, "Basics" */
export const DEVICE_REGISTRY_OPERATIONS = {
  CreateDeviceRegistry: answering(REGISTRY)({
    service: "hawser",
    summary: "Makes a registry of devices that log in by JWT, defined by the CA of their certificates.",
    method: "POST",
    path: "/hawser/v1/device-registries/{registryName}",
    input: {
      registryName: uri(NAME),
      caCertificates: required(
        body(
          about(
            "PEM: the registry's JWT_CA, or up to five while it is being replaced.",
            string({ min: 1, max: 65_536 }),
          ),
        ),
      ),
      policies: body(list(string({ min: 1, max: 128 }), { max: 10 })),
      autoRegister: body(
        about("Whether a certificate of the JWT_CA that comes along with a token is registered at once.", boolean),
      ),
      derSignatures: body(about("Whether ECDSA signatures of tokens may be DER, against RFC 7518.", boolean)),
    },
    errors: ["ResourceAlreadyExistsException", "CertificateValidationException", "ResourceNotFoundException"],
  }),
  ListDeviceRegistries: answering(record({ registries: list(REGISTRY) }, ["registries"]))({
    service: "hawser",
    summary: "All device registries.",
    method: "GET",
    path: "/hawser/v1/device-registries",
    input: {},
    errors: [],
  }),
  DescribeDeviceRegistry: answering(REGISTRY)({
    service: "hawser",
    summary: "One device registry.",
    method: "GET",
    path: "/hawser/v1/device-registries/{registryName}",
    input: { registryName: uri(NAME) },
    errors: ["ResourceNotFoundException"],
  }),
  DeleteDeviceRegistry: operation<void>()({
    service: "hawser",
    summary: "Deletes a device registry; its devices can log in no more.",
    method: "DELETE",
    path: "/hawser/v1/device-registries/{registryName}",
    input: { registryName: uri(NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
} as const;

/** A device registry as the control plane describes it; `createdAt` in milliseconds since 1970. */
export type DeviceRegistryDescription = ResultOf<(typeof DEVICE_REGISTRY_OPERATIONS)["CreateDeviceRegistry"]>;

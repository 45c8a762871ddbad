import { body, OK, operation, required, uri } from "./operation.ts";
import { boolean, list, string } from "./shape.ts";

/** A device registry as the control plane describes it; `createdAt` in milliseconds since 1970. */
export type DeviceRegistryDescription = {
  readonly registryName: string;
  readonly caCertificateIds: readonly string[];
  readonly caSubjects: readonly string[];
  readonly policies: readonly string[];
  readonly autoRegister: boolean;
  readonly derSignatures: boolean;
  readonly createdAt: number;
};

/** The audience of tokens, so short and without surprises. */
const NAME = string({ min: 1, max: 128, pattern: /[\w.:/-]+/ });

/** Our own operations about the registries of devices that log in by JWT. AN-7648, "Basics" */
export const DEVICE_REGISTRY_OPERATIONS = {
  CreateDeviceRegistry: operation<DeviceRegistryDescription>()({
    service: "hawser",
    method: "POST",
    path: "/hawser/v1/device-registries/{registryName}",
    input: {
      registryName: uri(NAME),
      /** PEM: the registry's JWT_CA, or up to five while it is being replaced. */
      caCertificates: required(body(string({ min: 1, max: 65_536 }))),
      policies: body(list(string({ min: 1, max: 128 }), { max: 10 })),
      autoRegister: body(boolean),
      derSignatures: body(boolean),
    },
    output: OK,
    errors: ["ResourceAlreadyExistsException", "CertificateValidationException", "ResourceNotFoundException"],
  }),
  ListDeviceRegistries: operation<{ readonly registries: readonly DeviceRegistryDescription[] }>()({
    service: "hawser",
    method: "GET",
    path: "/hawser/v1/device-registries",
    input: {},
    output: OK,
    errors: [],
  }),
  DescribeDeviceRegistry: operation<DeviceRegistryDescription>()({
    service: "hawser",
    method: "GET",
    path: "/hawser/v1/device-registries/{registryName}",
    input: { registryName: uri(NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  DeleteDeviceRegistry: operation<void>()({
    service: "hawser",
    method: "DELETE",
    path: "/hawser/v1/device-registries/{registryName}",
    input: { registryName: uri(NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
} as const;

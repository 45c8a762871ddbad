import type { DeviceRegistries, DeviceRegistry } from "../jwt/index.ts";
import type { DEVICE_REGISTRY_OPERATIONS, DeviceRegistryDescription, HandlersOf } from "../operations/index.ts";

/** The operations about registries of devices that log in by JWT. */
export function deviceRegistryHandlers(
  registries: DeviceRegistries,
): HandlersOf<keyof typeof DEVICE_REGISTRY_OPERATIONS> {
  return {
    CreateDeviceRegistry: async ({ registryName, ...order }) =>
      descriptionOf(await registries.create(registryName, order)),
    ListDeviceRegistries: async () => ({ registries: registries.all().map(descriptionOf) }),
    DescribeDeviceRegistry: async ({ registryName }) => descriptionOf(registries.named(registryName)),
    DeleteDeviceRegistry: ({ registryName }) => registries.delete(registryName),
  };
}

function descriptionOf({ name, cas, ...rest }: DeviceRegistry): DeviceRegistryDescription {
  const caCertificateIds = cas.map(({ id }) => id);
  return { registryName: name, caCertificateIds, caSubjects: cas.map(({ subject }) => subject.text), ...rest };
}

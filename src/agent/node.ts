export { chipStream, DEFAULT_PERFORMERS, type ChipStreamOptions, type Performers } from "./node-chip-stream.ts";
export {
  CHIP_OPERATIONS,
  type ChipOperation,
  chipEarlySecrets,
  chipOperations,
  type ChipOperationsOptions,
} from "./node-chip-operations.ts";
export { ConnectedDevice, type DeviceOptions, type DeviceProgress } from "./node-device.ts";
export { keyPairFromPem } from "./node-key-file.ts";
export { openMqtt, type MessageListener, type MqttOptions, type MqttSession } from "./node-mqtt.ts";

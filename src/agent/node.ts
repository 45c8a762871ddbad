export { ConnectedDevice, type DeviceOptions, type DeviceProgress } from "./node-device.ts";
export { openMqtt, type MessageListener, type MqttOptions, type MqttSession } from "./node-mqtt.ts";

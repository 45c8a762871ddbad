import { toBase64 } from "../../codec/index.ts";
import type { Published } from "../broker/index.ts";
import type { Value } from "./sql-number.ts";

/** A property of the MQTT 5 packet, by the names of AWS IoT. AWS IoT SQL reference, get_mqtt_property */
export function mqttProperty({ properties }: Published, name: Value): Value {
  switch (name) {
    case "format_indicator":
      return FORMATS[properties.payloadFormatIndicator ?? 0];
    case "content_type":
      return properties.contentType;
    case "response_topic":
      return properties.responseTopic;
    case "correlation_data":
      return properties.correlationData && toBase64(properties.correlationData);
    default:
      return undefined;
  }
}

const FORMATS = ["UNSPECIFIED_BYTES", "UTF8_DATA"] as const;

/** All user properties as objects of one member, or the values of one name. AWS IoT SQL reference, get_user_properties */
export function userProperties({ properties }: Published, name: Value): Value {
  const { userProperties = [] } = properties;
  if (name === undefined) return userProperties.map(([key, value]) => Object.fromEntries([[key, value]]));
  const values = userProperties.filter(([key]) => key === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values;
}

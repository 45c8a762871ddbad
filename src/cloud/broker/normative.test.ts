/**
 * F-21: every normative statement of MQTT 3.1.1 and 5, by its number, and the test that shows it. Words are ours.
 * A row is `number what it asks for = keys of tests`; "client" binds clients alone, "-" is not tested.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

/** Titles of the tests that rows name, by file. */
const TESTS: Readonly<Record<string, readonly [file: string, title: string]>> = {
  utf8: ["publish", "a topic name that is not UTF-8 ends the connection with 0x81"],
  format: ["connect", "CONNECT whose fields break the format is malformed, each in its own way"],
  bytes: [
    "conformance",
    "a topic is compared byte by byte, its byte order mark and letters of either composition included",
  ],
  flags: ["conformance", "reserved bits of every packet's first byte must be as they are written"],
  bits: ["publish", "QoS 2, QoS 3, DUP at QoS 0, packet identifier 0 and properties out of place are refused"],
  subBits: [
    "subscribe",
    "SUBSCRIBE and UNSUBSCRIBE without filters, with identifier 0 or wrong flags break the protocol",
  ],
  options: ["conformance", "what breaks SUBSCRIBE's options, or names no filter or an impossible one, is malformed"],
  again: ["session", "what was not acknowledged is sent again with DUP and the same identifier after a resume"],
  unused: ["session", "a packet identifier in flight is not given to another message"],
  puback: ["publish", "AW-65 QoS 1 is acknowledged with the packet's identifier, and DUP is not passed on"],
  qos2: ["exactly-once", "a QoS 2 message goes out once, when it is released, however often it is sent and released"],
  pubrec: [
    "exactly-once",
    "PUBREC is answered by PUBREL, PUBCOMP ends the flight, a PUBREC that refuses ends it at once",
  ],
  restart: [
    "exactly-once",
    "after a restart QoS 1 and 2 go on where they were: same identifiers, DUP, PUBREL for what was received",
  ],
  suback: ["subscribe", "SUBACK grants at most QoS 1, in the order of the filters"],
  refusedSub: ["subscribe", "an unauthorised SUBSCRIBE is refused with 0x80 or 0x87 and the connection stays"],
  first: ["connect", "a first packet other than CONNECT closes at its first byte, a second CONNECT is a violation"],
  version: ["connect", "a version that is not served is told so: MQTT 3.1, a bridge's bit, MQTT 6"],
  shape: ["packet-shape", "checkConnect tells a version that is not served from bytes that are not MQTT"],
  connack: [
    "connect",
    "CONNECT at level 4 and 5 is answered with CONNACK, and what the gatekeeper was asked is what was sent",
  ],
  limits: ["connect", "CONNACK tells an MQTT 5 client our limits: maximum QoS, receive maximum, packet size, aliases"],
  emptyId: ["connect", "an empty client id is assigned, told to MQTT 5 clients, and refused with clean session 0"],
  longId: ["connect", "a client id over the limit is refused with 0x85, or 2 for MQTT 3.1.1"],
  refused: ["connect", "a refused CONNECT closes, with CONNACK where asked for, and always with 0x87 for MQTT 5"],
  early: ["connect", "packets before CONNACK close the connection in the aws profile, and wait in the spec profile"],
  takeover: ["connect", "a second connection with the same client id takes over, the first is told 0x8E or closed"],
  kept: ["session", "a persistent session keeps subscriptions and QoS 1 messages, a clean one nothing"],
  ends: ["session", "a session ends when its expiry has passed since the connection ended"],
  shortened: ["session", "DISCONNECT may shorten the session's expiry, but not raise it from 0"],
  stored: ["session", "persistent sessions and retained messages survive a restart through the store"],
  durable: ["session", "PUBACK waits until what it promises is durable, in order, with one commit for a turn"],
  failed: ["session", "messages that cannot be made durable are not acknowledged: the publisher is closed with 0x80"],
  will: ["session", "a will is published when the connection ends without DISCONNECT, and not after it"],
  willDelay: [
    "session",
    "a will with a delay waits, is forgotten when the client returns, and comes with the session's end at the latest",
  ],
  willOrder: ["session", "a will's user properties keep their order"],
  willCrash: ["exactly-once", "a will outlives a crash: published at the next start, or later where its delay says so"],
  willRefused: ["connect", "a will that is not authorised, reserved or of QoS 2 is refused with CONNECT"],
  keepAlive: ["connect", "silence of one and a half times the keep alive closes, a packet in time does not"],
  keepAliveTold: ["connect", "keep alive out of range is replaced and told to MQTT 5 clients"],
  retained: [
    "subscribe",
    "a retained message goes to a new subscription with RETAIN 1, and to live ones with RETAIN 0",
  ],
  handling: ["subscribe", "Retain Handling 1 sends retained messages to new subscriptions only, 2 never"],
  asPublished: ["conformance", "Retain As Published keeps the RETAIN flag of live messages, or clears it"],
  replaces: ["conformance", "subscribing again replaces: another QoS, retained messages once more, and nothing twice"],
  noLocal: ["subscribe", "No Local keeps a client's own messages from it, for the subscriptions that ask for it"],
  unsub: ["subscribe", "UNSUBSCRIBE ends delivery; UNSUBACK says 0x11 where nothing was subscribed"],
  unsubFlight: ["conformance", "UNSUBSCRIBE completes what was begun: in flight QoS 1 and 2 messages run to their end"],
  match: ["publish", "AW-50 wildcards match as MQTT says, and the aws profile's a/# does not match a"],
  overlap: ["publish", "a message that matches several subscriptions of a client comes once, with the highest QoS"],
  properties: ["publish", "properties travel from publisher to subscriber, user properties in their order"],
  alias: ["publish", "a topic alias stands for its topic, up to the maximum that CONNACK told"],
  aliasOut: [
    "conformance",
    "topics go out by alias as far as the client allows, anew on each connection, and not to who allows none",
  ],
  topics: ["publish", "topics that are invalid, too long, too deep or reserved end the connection with 0x90"],
  denied: [
    "publish",
    "an unauthorised PUBLISH closes MQTT 3.1.1, gives PUBACK 0x87 at QoS 1 and DISCONNECT 0x87 at QoS 0",
  ],
  expiry: ["publish", "message expiry counts down in what is delivered, and an expired message is not"],
  flowExpiry: [
    "conformance",
    "expiry neither stops a QoS 2 flow nor a message that was sent, and drops what waits too long",
  ],
  tooLarge: ["publish", "a packet over the announced maximum is refused by its length, before its body"],
  unsendable: ["backpressure", "a packet that is larger than the client accepts is not sent to it, at either QoS"],
  reason: [
    "subscribe",
    "reason strings are left out where the client does not want them, or where the packet would be too long",
  ],
  window: ["session", "at most as many messages are in flight as the client's Receive Maximum allows, in order"],
  overrun: [
    "session",
    "more unacknowledged QoS 1 messages than Receive Maximum end an MQTT 5 connection with 0x93, and pause a 3.1.1 one",
  ],
  quota: [
    "conformance",
    "with no quota left everything but PUBLISH goes on, and what waited follows the acknowledgements",
  ],
  newMessage: [
    "conformance",
    "after its PUBACK or PUBCOMP an identifier makes a new message, whatever DUP says; a refusing PUBREC too",
  ],
  order: ["conformance", "messages of one topic and QoS keep their order to everybody, also when they are sent again"],
  shared: [
    "conformance",
    "a shared subscription gives each message to one member in turn, at its own QoS, live ones only",
  ],
  shareName: [
    "conformance",
    "a share's name that is empty or holds a wildcard, and No Local on a share, end the connection",
  ],
  sharedFlight: [
    "conformance",
    "a shared message in flight stays its member's: redelivered to it, never to another, not even when refused",
  ],
  identifiers: [
    "conformance",
    "subscription identifiers of all matching subscriptions come with the message, the retained one's too",
  ],
  auth: [
    "conformance",
    "enhanced authentication: AUTH asks and answers, CONNACK ends it, the gatekeeper hears who it was",
  ],
  authFails: [
    "conformance",
    "enhanced authentication that fails, changes its method, is not supported or comes unasked ends the connection",
  ],
  response: [
    "conformance",
    "who asks is told where its responses go, who does not is not; a PUBACK says that nobody subscribed",
  ],
  stop: ["connect", "Broker.stop tells MQTT 5 clients 0x8B and refuses further work"],
  whole: ["properties", "splitting a conversation's bytes anywhere changes nothing in the answers"],
  varint: [
    "properties",
    "PacketSplitter refuses lengths over the maximum, of five bytes, and not in their shortest form",
  ],
};

const MQTT_311 = `
1.5.3-1 ill-formed UTF-8 ends the connection = utf8 format
1.5.3-2 U+0000 in a text ends the connection = format topics
1.5.3-3 a byte order mark is a character like others = bytes
2.2.2-1 reserved flags have their listed value = flags
2.2.2-2 other flags end the connection = flags
2.3.1-1 identifiers are not zero = bits subBits
2.3.1-2 a client's new packet has an unused identifier = client
2.3.1-3 a client's repetition has the same identifier = client
2.3.1-4 the same for a server's PUBLISH = unused again
2.3.1-5 QoS 0 has no identifier = puback properties
2.3.1-6 acknowledgements carry the identifier of their PUBLISH = puback qos2
2.3.1-7 so do SUBACK and UNSUBACK = suback unsubFlight
3.1.0-1 the first packet is CONNECT = first
3.1.0-2 a second CONNECT ends the connection = first
3.1.2-1 another protocol is not served as this one = shape
3.1.2-2 an unknown level gets return code 1 and ends = version
3.1.2-3 the reserved flag is 0 = format
3.1.2-4 clean session 0 resumes or makes a session that is kept = kept
3.1.2-5 messages at QoS 1 and 2 are kept for who is away = kept
3.1.2-6 clean session 1 begins anew and keeps nothing = kept
3.1.2-7 retained messages outlive sessions = retained stored
3.1.2-8 a will is stored and published unless DISCONNECT came = will
3.1.2-9 a will flag means will fields = format
3.1.2-10 a will is forgotten once published or after DISCONNECT = will willCrash
3.1.2-11 without the flag there are no will fields = format
3.1.2-12 without the flag no will is published = will
3.1.2-13 without the flag will QoS is 0 = format
3.1.2-14 will QoS is not 3 = format
3.1.2-15 without the flag will retain is 0 = format
3.1.2-16 will retain 0 publishes what is not retained = will
3.1.2-17 will retain 1 publishes what is retained = willCrash
3.1.2-18 without its flag there is no user name = format
3.1.2-19 with its flag there is = format connack
3.1.2-20 without its flag there is no password = format
3.1.2-21 with its flag there is = format connack
3.1.2-22 no password without user name = format
3.1.2-23 clients ping in time = client
3.1.2-24 one and a half keep alives of silence end the connection = keepAlive
3.1.3-1 payload fields have their order = connack
3.1.3-2 the client id names the session = kept
3.1.3-3 the client id comes first = connack
3.1.3-4 the client id is UTF-8 = format
3.1.3-5 short plain client ids are allowed = connack
3.1.3-6 an empty one is replaced by a unique one = emptyId
3.1.3-7 who sends an empty one sets clean session = client
3.1.3-8 an empty one with clean session 0 gets code 2 = emptyId
3.1.3-9 a refused one gets code 2 = longId
3.1.3-10 the will topic is UTF-8 = format
3.1.3-11 the user name is UTF-8 = format
3.1.4-1 what is no CONNECT ends without CONNACK = format
3.1.4-2 the same client id disconnects the one before = takeover
3.1.4-3 clean session is processed = kept
3.1.4-4 an accepted CONNECT gets code 0 = connack
3.1.4-5 after a refusal nothing is processed = refused early
3.2.0-1 the first packet back is CONNACK = connack early
3.2.2-1 clean session 1: session present 0 = kept
3.2.2-2 a stored session: session present 1 = kept
3.2.2-3 none: session present 0 = kept
3.2.2-4 a refusal: session present 0 = refused
3.2.2-5 a refusal ends the connection = refused
3.2.2-6 no fitting code: no CONNACK = refused
3.3.1-1 a redelivery has DUP = again restart
3.3.1-2 QoS 0 has no DUP = bits
3.3.1-3 DUP is not passed on = puback newMessage
3.3.1-4 QoS 3 ends the connection = bits
3.3.1-5 RETAIN keeps message and QoS = retained replaces
3.3.1-6 a new subscription is sent what is retained = retained
3.3.1-7 QoS 0 replaces what was retained = retained
3.3.1-8 then RETAIN is 1 = retained
3.3.1-9 to others it is 0 = retained
3.3.1-10 an empty payload removes and is delivered = retained stored
3.3.1-11 an empty payload is not kept = retained stored
3.3.1-12 RETAIN 0 changes nothing that is kept = retained
3.3.2-1 the topic name comes first and is UTF-8 = utf8
3.3.2-2 a topic name has no wildcards = topics
3.3.2-3 what is delivered matches the filter = match
3.3.4-1 each QoS has its answer = puback qos2
3.3.5-1 the highest QoS of all matching subscriptions = overlap
3.3.5-2 an unauthorised PUBLISH is acknowledged or ends = denied
3.6.1-1 PUBREL has flags 0010 = flags
3.8.1-1 SUBSCRIBE has flags 0010 = flags subBits
3.8.3-1 filters are UTF-8 = subBits
3.8.3-2 wildcards unsupported: refuse them = match
3.8.3-3 at least one filter = subBits
3.8.3-4 reserved bits and QoS 3 end the connection = options
3.8.4-1 SUBSCRIBE gets SUBACK = suback
3.8.4-2 with its identifier = suback
3.8.4-3 the same filter replaces, retained messages come again = replaces
3.8.4-4 many filters are as many SUBSCRIBEs = suback
3.8.4-5 a code for each filter = suback refusedSub
3.8.4-6 the lower of granted and published QoS = replaces
3.9.3-1 codes in the order of filters = suback
3.9.3-2 no other codes = suback refusedSub
3.10.1-1 UNSUBSCRIBE has flags 0010 = flags subBits
3.10.3-1 filters are UTF-8 = subBits
3.10.3-2 at least one filter = subBits
3.10.4-1 filters are compared character by character = unsub
3.10.4-2 no new messages are added = unsub
3.10.4-3 what was begun is completed = unsubFlight
3.10.4-4 UNSUBACK with the identifier = unsubFlight
3.10.4-5 even where nothing was subscribed = unsub
3.10.4-6 one UNSUBACK for many filters = unsubFlight
3.12.4-1 PINGREQ gets PINGRESP = quota
3.14.1-1 DISCONNECT's reserved bits are 0 = flags
3.14.4-1 a client closes after DISCONNECT = client
3.14.4-2 a client sends nothing after it = client
3.14.4-3 DISCONNECT discards the will = will
4.1.0-1 state is kept for the session's duration = kept ends
4.1.0-2 a session lasts as long as its connection = kept
4.3.1-1 QoS 0 goes out without DUP = properties bits
4.3.2-1 QoS 1 sender: unused identifier, DUP 0, unacknowledged until PUBACK = unused again
4.3.2-2 QoS 1 receiver: PUBACK, then the identifier is new = puback newMessage
4.3.3-1 QoS 2 sender: PUBLISH, PUBREL, until PUBCOMP = pubrec restart
4.3.3-2 QoS 2 receiver: PUBREC, no duplicates, PUBCOMP = qos2
4.4.0-1 what is unacknowledged is sent again under its identifier = again restart
4.5.0-1 a message is added to each session that matches = durable kept
4.5.0-2 a client acknowledges whatever it gets = client
4.6.0-1 repetitions in the order of sending = order
4.6.0-2 PUBACKs in the order of PUBLISHes = durable
4.6.0-3 PUBRECs in the order of PUBLISHes = order
4.6.0-4 PUBRELs in the order of PUBRECs = order
4.6.0-5 topics are ordered = order
4.6.0-6 messages of a topic and QoS keep their order = order
4.7.1-1 no wildcards in topic names = topics
4.7.1-2 # is alone and last = options
4.7.1-3 + fills a level = options
4.7.2-1 wildcards do not match $ = match
4.7.3-1 a topic has a character at least = topics options
4.7.3-2 and no null character = topics
4.7.3-3 and 65,535 bytes at most = topics
4.7.3-4 nothing is normalised = bytes
4.8.0-1 a violation ends its connection = first bits
4.8.0-2 so does a passing failure = failed
6.0.0-1 WebSocket data frames are binary = -
6.0.0-2 packets need not fit frames = whole
6.0.0-3 a client offers "mqtt" = client
6.0.0-4 the server selects "mqtt" = -
7.0.0-1 who bridges is client and server = client
7.0.0-2 no extensions are required = connack
7.1.1-1 an ordered lossless transport = whole
7.1.2-1 the same for clients = client
`;

const MQTT_5 = `
1.5.4-1 ill-formed UTF-8 ends the connection = utf8 format
1.5.4-2 U+0000 in a text ends the connection = format topics
1.5.4-3 a byte order mark is a character like others = bytes
1.5.5-1 variable integers are shortest = varint
1.5.7-1 both texts of a pair are UTF-8 = format bits
2.1.3-1 reserved flags have their listed value = flags
2.2.1-2 QoS 0 has no identifier = puback properties
2.2.1-3 a client's identifiers are unused and not zero = bits subBits
2.2.1-4 so are a server's = unused
2.2.1-5 acknowledgements carry the identifier of their PUBLISH = puback qos2 pubrec
2.2.1-6 so do SUBACK and UNSUBACK = suback unsubFlight
2.2.2-1 no properties are a length of zero = connack
3.1.0-1 the first packet is CONNECT = first
3.1.0-2 a second CONNECT is a protocol error = first
3.1.2-1 the protocol's name is MQTT = shape
3.1.2-2 another version may get 0x84, and ends = version
3.1.2-3 the reserved flag is 0 = format
3.1.2-4 clean start discards the session = kept
3.1.2-5 otherwise a session is resumed = kept
3.1.2-6 or made = kept
3.1.2-7 a will is stored with the session = will
3.1.2-8 and published after the end and its delay = will willDelay
3.1.2-9 a will flag means will fields = format
3.1.2-10 a will is forgotten once published or after DISCONNECT 0 = will willCrash
3.1.2-11 without the flag will QoS is 0 = format
3.1.2-12 will QoS is 0, 1 or 2 = format willCrash
3.1.2-13 without the flag will retain is 0 = format
3.1.2-14 will retain 0 publishes what is not retained = will
3.1.2-15 will retain 1 publishes what is retained = willCrash
3.1.2-16 without its flag there is no user name = format
3.1.2-17 with its flag there is = format connack
3.1.2-18 without its flag there is no password = format
3.1.2-19 with its flag there is = format connack
3.1.2-20 clients ping in time = client
3.1.2-21 clients use the server's keep alive = client
3.1.2-22 one and a half keep alives of silence end the connection = keepAlive
3.1.2-23 state is kept where the expiry is over 0 = kept ends
3.1.2-24 no packet over the client's maximum = unsendable
3.1.2-25 what is too large counts as sent = unsendable
3.1.2-26 no alias over the client's maximum = aliasOut
3.1.2-27 none where the client allows none = aliasOut
3.1.2-28 response information only where asked for = response
3.1.2-29 reason strings only where wanted = reason
3.1.2-30 only AUTH and DISCONNECT before CONNACK of an authentication = authFails
3.1.3-1 payload fields have their order = connack
3.1.3-2 the client id names the session = kept
3.1.3-3 the client id comes first = connack
3.1.3-4 the client id is UTF-8 = format
3.1.3-5 short plain client ids are allowed = connack
3.1.3-6 an empty one is replaced by a unique one = emptyId
3.1.3-7 and told = emptyId
3.1.3-8 a refused one may get 0x85, and ends = longId
3.1.3-9 who returns within the delay has no will published = willDelay
3.1.3-10 user properties of a will keep their order = willOrder
3.1.3-11 the will topic is UTF-8 = format
3.1.3-12 the user name is UTF-8 = format
3.1.4-1 what is no CONNECT ends = format
3.1.4-2 who fails a check ends = refused
3.1.4-3 the same client id takes over, 0x8E = takeover
3.1.4-4 clean start is processed = kept
3.1.4-5 an accepted CONNECT gets code 0 = connack
3.1.4-6 after a refusal nothing is processed = refused early
3.2.0-1 CONNACK comes before all but AUTH = early auth
3.2.0-2 there is one CONNACK = first auth
3.2.2-1 its reserved flags are 0 = connack
3.2.2-2 clean start: session present 0 = kept
3.2.2-3 a stored session: session present 1, else 0 = kept
3.2.2-4 a client without state closes on session present 1 = client
3.2.2-5 a client discards its state on session present 0 = client
3.2.2-6 a refusal: session present 0 = refused
3.2.2-7 a refusal ends the connection = refused
3.2.2-8 listed reason codes only = refused longId
3.2.2-9 a lower maximum QoS is told = limits
3.2.2-10 SUBSCRIBE at any QoS is accepted all the same = suback
3.2.2-11 clients keep to the maximum QoS = bits
3.2.2-12 a will beyond it refuses the client, 0x9B = willRefused
3.2.2-13 a retained will where nothing is retained refuses the client = willRefused
3.2.2-14 clients keep to retain available = client
3.2.2-15 clients keep to the maximum packet size = tooLarge
3.2.2-16 the assigned client id is told, and new = emptyId
3.2.2-17 clients keep to the alias maximum = alias
3.2.2-18 and send none where there is none = alias
3.2.2-19 no reason string that makes CONNACK too long = reason
3.2.2-20 nor user properties = reason
3.2.2-21 clients use the server's keep alive = client
3.2.2-22 without one the server uses the client's = keepAliveTold keepAlive
3.3.1-1 a redelivery has DUP = again restart
3.3.1-2 QoS 0 has no DUP = bits
3.3.1-3 DUP is not passed on = puback newMessage
3.3.1-4 no QoS 3 = bits
3.3.1-5 RETAIN replaces what is kept = retained
3.3.1-6 an empty payload removes it = retained stored
3.3.1-7 and is not kept = retained stored
3.3.1-8 RETAIN 0 changes nothing that is kept = retained
3.3.1-9 handling 0 sends what is retained = replaces
3.3.1-10 handling 1 sends it to new subscriptions = handling
3.3.1-11 handling 2 never = handling
3.3.1-12 retain as published 0 clears the flag = asPublished
3.3.1-13 retain as published 1 keeps it = asPublished
3.3.2-1 the topic name comes first and is UTF-8 = utf8
3.3.2-2 a topic name has no wildcards = topics
3.3.2-3 what is delivered matches the filter = match
3.3.2-4 the payload format indicator is passed on = properties
3.3.2-5 what expired before it was sent is dropped = expiry flowExpiry
3.3.2-6 what waited is sent with the time left = expiry
3.3.2-7 aliases end with the connection = aliasOut
3.3.2-8 no alias is 0 = alias
3.3.2-9 nor over the server's maximum = alias
3.3.2-10 a client accepts all up to its maximum = client
3.3.2-11 the server keeps to the client's maximum = aliasOut
3.3.2-12 and accepts all up to its own = alias
3.3.2-13 the response topic is UTF-8 = bits
3.3.2-14 and has no wildcards = bits
3.3.2-15 and is passed on = properties
3.3.2-16 correlation data are passed on = properties
3.3.2-17 user properties are passed on = properties
3.3.2-18 in their order = properties
3.3.2-19 the content type is UTF-8 = bits
3.3.2-20 and is passed on = properties
3.3.4-1 each QoS has its answer = puback qos2
3.3.4-2 the highest QoS of all matching subscriptions = overlap
3.3.4-3 identifiers of overlapping subscriptions are sent = identifiers
3.3.4-4 all of them in a single copy = identifiers
3.3.4-5 or each in its own copy = identifiers
3.3.4-6 a client sends none = bits
3.3.4-7 a client keeps to receive maximum = overrun
3.3.4-8 and delays nothing else = client
3.3.4-9 so does the server = window restart
3.3.4-10 and delays nothing else = quota
3.4.2-1 PUBACK has a listed code = puback response
3.4.2-2 no reason string that makes it too long = reason
3.4.2-3 nor user properties = reason
3.5.2-1 PUBREC has a listed code = qos2 newMessage
3.5.2-2 no reason string that makes it too long = reason
3.5.2-3 nor user properties = reason
3.6.1-1 PUBREL has flags 0010 = flags
3.6.2-1 PUBREL has a listed code = pubrec
3.6.2-2 no reason string that makes it too long = reason
3.6.2-3 nor user properties = reason
3.7.2-1 PUBCOMP has a listed code = qos2
3.7.2-2 no reason string that makes it too long = reason
3.7.2-3 nor user properties = reason
3.8.1-1 SUBSCRIBE has flags 0010 = flags subBits
3.8.3-1 filters are UTF-8 = subBits
3.8.3-2 at least one filter = subBits
3.8.3-3 no local keeps one's own messages away = noLocal
3.8.3-4 not on a share = shareName
3.8.3-5 reserved bits are 0 = options
3.8.4-1 SUBSCRIBE gets SUBACK = suback
3.8.4-2 with its identifier = suback
3.8.4-3 the same filter replaces = replaces
3.8.4-4 handling 0 sends what is retained again, and nothing is lost = replaces
3.8.4-5 many filters are as many SUBSCRIBEs = suback
3.8.4-6 a code for each filter = suback
3.8.4-7 the QoS granted, or failure = suback refusedSub
3.8.4-8 the lower of granted and published QoS = replaces
3.9.2-1 no reason string that makes SUBACK too long = reason
3.9.2-2 nor user properties = reason
3.9.3-1 codes in the order of filters = suback
3.9.3-2 listed codes only = suback refusedSub
3.10.1-1 UNSUBSCRIBE has flags 0010 = flags subBits
3.10.3-1 filters are UTF-8 = subBits
3.10.3-2 at least one filter = subBits
3.10.4-1 filters are compared character by character = unsub
3.10.4-2 no new messages are added = unsub
3.10.4-3 what was begun is completed = unsubFlight
3.10.4-4 UNSUBSCRIBE gets UNSUBACK = unsubFlight
3.10.4-5 with its identifier, even for nothing = unsubFlight unsub
3.10.4-6 one for many filters = unsubFlight
3.11.2-1 no reason string that makes UNSUBACK too long = reason
3.11.2-2 nor user properties = reason
3.11.3-1 codes in the order of filters = unsubFlight
3.11.3-2 listed codes only = unsub
3.12.4-1 PINGREQ gets PINGRESP = quota
3.14.0-1 no DISCONNECT before CONNACK = refused authFails
3.14.1-1 its reserved bits are 0 = flags
3.14.2-1 listed codes only = stop takeover
3.14.2-2 the server sends no session expiry = stop takeover
3.14.2-3 no reason string that makes it too long = reason
3.14.2-4 nor user properties = reason
3.14.4-1 nothing follows it = stop takeover
3.14.4-2 who sent it closes = stop takeover
3.14.4-3 code 0 discards the will = will
3.15.1-1 AUTH has flags 0000 = flags
3.15.2-1 listed codes only = auth
3.15.2-2 no reason string that makes it too long = reason
3.15.2-3 nor user properties = reason
4.1.0-1 state is kept while connected = kept
4.1.0-2 and discarded when it expired = ends shortened
4.2.0-1 an ordered lossless transport = whole
4.3.1-1 QoS 0 goes out without DUP = properties bits
4.3.2-1 QoS 1 sender: an unused identifier = unused
4.3.2-2 PUBLISH with QoS 1, DUP 0 = puback
4.3.2-3 unacknowledged until PUBACK = again
4.3.2-4 receiver: PUBACK once it owns the message = durable
4.3.2-5 then the identifier is new = newMessage
4.3.3-1 QoS 2 sender: an unused identifier = unused
4.3.3-2 PUBLISH with QoS 2, DUP 0 = qos2
4.3.3-3 unacknowledged until PUBREC = restart
4.3.3-4 PUBREL on PUBREC = pubrec
4.3.3-5 PUBREL unacknowledged until PUBCOMP = restart
4.3.3-6 no PUBLISH after PUBREL = restart
4.3.3-7 what was sent does not expire = flowExpiry
4.3.3-8 receiver: PUBREC once it owns the message = qos2
4.3.3-9 after a refusing PUBREC the identifier is new = newMessage
4.3.3-10 a repetition gets PUBREC and no second delivery = qos2
4.3.3-11 PUBREL gets PUBCOMP = qos2
4.3.3-12 then the identifier is new = qos2
4.3.3-13 expiry does not stop the sequence = flowExpiry
4.4.0-1 what is unacknowledged is sent again at a resume, and never else = again restart
4.4.0-2 a refusal counts as acknowledgement = pubrec sharedFlight
4.5.0-1 a message is added to each session that matches = durable kept
4.5.0-2 a client acknowledges whatever it gets = client
4.6.0-1 repetitions in the order of sending = order
4.6.0-2 PUBACKs in the order of PUBLISHes = durable
4.6.0-3 PUBRECs in the order of PUBLISHes = order
4.6.0-4 PUBRELs in the order of PUBRECs = order
4.6.0-5 messages of a topic and QoS keep their order = order
4.6.0-6 on every topic that is not shared = order
4.7.0-1 no wildcards in topic names = topics
4.7.1-1 # is alone and last = options
4.7.1-2 + fills a level = options
4.7.2-1 wildcards do not match $ = match
4.7.3-1 a topic has a character at least = topics options
4.7.3-2 and no null character = topics
4.7.3-3 and 65,535 bytes at most = topics
4.7.3-4 nothing is normalised = bytes
4.8.2-1 a share begins with $share/ and has a name = shareName
4.8.2-2 without wildcards, and a filter behind it = shareName
4.8.2-3 at the QoS granted to the member = shared
4.8.2-4 a delivery is completed when the member returns = sharedFlight
4.8.2-5 or never, if its session ends = sharedFlight
4.8.2-6 what a member refuses goes to nobody else = sharedFlight
4.9.0-1 the first quota is within receive maximum = window
4.9.0-2 at zero nothing more is published = window
4.9.0-3 everything else goes on = quota
4.12.0-1 an unknown method may get 0x8C, and ends = authFails
4.12.0-2 the server asks on with AUTH 0x18 = auth
4.12.0-3 the client answers with AUTH 0x18 = auth
4.12.0-4 the server may refuse at any step, and ends = authFails
4.12.0-5 all AUTH and CONNACK name the method = auth
4.12.0-6 without a method the server sends no AUTH = authFails
4.12.0-7 nor does the client = authFails
4.12.1-1 AUTH 0x19 begins again with the same method = auth
4.12.1-2 who fails then is disconnected = auth
4.13.1-1 a malformed packet or protocol error ends = first bits
4.13.2-1 so does any code from 0x80 in CONNACK and DISCONNECT = refused takeover
6.0.0-1 WebSocket data frames are binary = -
6.0.0-2 packets need not fit frames = whole
6.0.0-3 a client offers "mqtt" = client
6.0.0-4 the server selects "mqtt" = -
`;

type Row = { readonly section: string; readonly number: number; readonly keys: readonly string[] };

function rows(table: string): Row[] {
  return table
    .trim()
    .split("\n")
    .map((line) => {
      const [, section = "", number = "", keys = ""] = /^([\d.]+)-(\d+) .+ = ([\w -]+)$/.exec(line) ?? [];
      assert.ok(section, line);
      return { section, number: Number(number), keys: keys.split(" ") };
    });
}

/** Numbers that the standard left out. */
const SKIPPED = new Set(["2.2.1-1"]);

for (const [name, table, count] of [
  ["3.1.1", MQTT_311, 141],
  ["5", MQTT_5, 251],
] as const) {
  test(`F-21 every normative statement of MQTT ${name} is listed, and at least 95 % of a server's are tested`, (t) => {
    const all = rows(table);
    const bySection = Map.groupBy(all, ({ section }) => section);
    for (const [section, found] of bySection) {
      const expected = Array.from({ length: found.at(-1)?.number ?? 0 }, (_, i) => i + 1);
      const present = expected.filter((number) => !SKIPPED.has(`${section}-${number}`));
      assert.deepEqual(
        found.map(({ number }) => number),
        present,
        `section ${section}`,
      );
    }
    const forServers = all.filter(({ keys }) => !keys.includes("client"));
    const tested = forServers.filter(({ keys }) => !keys.includes("-"));
    t.diagnostic(`${all.length} statements, ${forServers.length} for servers, ${tested.length} tested`);
    assert.equal(all.length, count);
    assert.ok(tested.length >= 0.95 * forServers.length);
    const unknown = tested.flatMap(({ keys }) => keys.filter((key) => TESTS[key] === undefined));
    assert.deepEqual(unknown, []);
  });
}

test("every test that a normative statement names is there, and every name is used", () => {
  const missing = Object.values(TESTS).filter(([file, title]) => {
    return !readFileSync(join(import.meta.dirname, `${file}.test.ts`), "utf8").includes(`test("${title}"`);
  });
  assert.deepEqual(missing, []);
  const used = new Set([...rows(MQTT_311), ...rows(MQTT_5)].flatMap(({ keys }) => keys));
  assert.deepEqual(
    Object.keys(TESTS).filter((key) => !used.has(key)),
    [],
  );
});

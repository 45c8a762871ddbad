/**
 * What the specifications say that a client must refuse or do, in our own words, and the test that shows it. A
 * statement without a test, or a test that is gone, fails here.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

type Musts = Readonly<Record<string, readonly (readonly [statement: string, shownBy: string])[]>>;

const MUSTS: Musts = {
  "RFC 5246": [
    ["6.2.1: no plaintext fragment is longer than 2^14", "a plain record of 2^14 + 1 bytes"],
    ["6.2.1: handshake, alert and change_cipher_spec records are not empty", "an empty handshake record"],
    ["6.2.1: a record of an unknown type is unexpected", "a record of no known type"],
    ["6.2.3: no protected fragment is longer than 2^14 + 2048", "a protected record of 2^14 + 2049 bytes"],
    ["6.2.3: what opens is no longer than 2^14", "a record whose plaintext is longer than 2^14 is refused"],
    ["6.2.3.3: a record that does not open is bad_record_mac", "data with one flipped bit"],
    ["6.1: sequence numbers differ for every record", "a record that comes twice"],
    ["7.1: change_cipher_spec comes right before Finished", "a Finished without change_cipher_spec"],
    ["7.1: change_cipher_spec is the byte 1", "a change_cipher_spec of two bytes"],
    ["7.2.1: a goodbye is answered, and data without one is cut short", "the end of the stream without close_notify"],
    ["7.2.2: a fatal alert ends the connection", "a fatal alert"],
    ["7.4: messages come in their order", "a second server_hello"],
    ["7.4.1.1: a HelloRequest within the handshake is ignored", "a HelloRequest within the handshake changes nothing"],
    ["7.4.1.3: the version is one that was offered", "version 3.2"],
    ["7.4.1.3: the suite is one that was offered", "a suite that was not offered"],
    ["7.4.1.3: compression is one that was offered", "compression"],
    ["7.4.1.4: an extension answers one that was offered", "an extension that was not offered"],
    ["7.4.1.4: no extension stands twice", "the same extension twice"],
    ["7.4.1.4.1: signature_algorithms is not for servers", "signature_algorithms in a server hello"],
    ["7.4.2: the certificate's key fits the suite", "an RSA key under an ECDSA suite"],
    ["7.4.2: the certificate is there", "an empty certificate list"],
    ["7.4.3: the signature's algorithms were offered", "a signature scheme that was not offered (SHA-1)"],
    ["7.4.3: the signature's algorithm fits the key", "an RSA scheme with an EC key"],
    ["7.4.3: the signature covers both randoms and the parameters", "a signature over another key share"],
    ["7.4.4: a server without certificate asks for none", "a certificate request in a suite of a pre-shared key"],
    [
      "7.4.6: without a fitting certificate an empty list is sent",
      "a server that asks for a certificate gets an empty list",
    ],
    ["7.4.9: Finished is checked", "one flipped bit of verify_data"],
    ["7.4.9: Finished comes under the new keys", "a Finished without change_cipher_spec"],
    ["8.1.2: a Diffie-Hellman value that gives the secret away is refused", "a Diffie-Hellman value of ${value}"],
  ],
  "RFC 8446": [
    ["4.1.3: legacy_version is 3.3", "legacy_version 3.4"],
    ["4.1.3: the session id is echoed", "another session id than ours"],
    ["4.1.3: the suite was offered", "a TLS 1.2 suite"],
    ["4.1.3: there is no compression", "compression"],
    ["4.1.3: the mark of a downgrade is looked for", "a random that ends in DOWNGRD ${last}"],
    ["4.1.4: a retry changes something", "a retry that asks for nothing"],
    ["4.1.4: a retry is for a group that was offered and not shared", "a retry for the group that was shared"],
    ["4.1.4: a retry comes once", "a second retry"],
    ["4.1.4: a retry holds no extension that was not offered", "an extension in a retry that was not offered"],
    ["4.1.4: a retry's suite was offered", "a retry of a suite that was not offered"],
    ["4.1.4: the suite stays after a retry", "another suite than the retry announced"],
    ["4.1.4: the version stays after a retry", "TLS 1.2 after a retry"],
    ["4.1.4: the second hello differs only as it must", "the second hello carries the wanted group and the cookie"],
    ["4.2: no answer that was not asked for", "an unsolicited extension under protection"],
    ["4.2: no known extension in a message where it does not belong", "a key share in encrypted extensions"],
    ["4.2: no extension twice in one message", "the same extension twice in ${where}"],
    ["4.2.1: supported_versions names a version from 1.3 that was offered", "selected version 3.3"],
    ["4.2.2: a cookie is given back, and only a retry has one", "a cookie in the server hello"],
    ["4.2.3: nothing is signed with a scheme of another curve", "a scheme of another curve"],
    ["4.2.8: the share is of the group that was shared", "a share of a group that was not"],
    ["4.2.8: after a retry the share is of its group", "another group than the retry asked for"],
    ["4.2.8.2: points are on the curve", "a share that is not on the curve"],
    ["4.2.9: a pre-shared key comes with a key agreement", "no key share"],
    ["4.2.11: the chosen key was offered", "a key that was not offered"],
    ["4.2.11: the chosen key fits the suite's hash", "a key for another hash"],
    ["4.2.11: a server that chose a key sends no certificate", "a certificate all the same"],
    ["4.3.1: encrypted extensions come first", "${name} twice"],
    ["4.3.2: a request of the handshake has no context", "a certificate request with a context"],
    ["4.3.2: a request names signature algorithms", "a certificate request without signature algorithms"],
    ["4.4.2: the server's list is not empty", "an empty certificate list"],
    ["4.4.2: the server's certificate has no context", "a certificate with a context"],
    ["4.4.2: extensions of a certificate were asked for", "an extension of a certificate that was not asked for"],
    ["4.4.3: PKCS#1 v1.5 and SHA-1 sign no handshake", "a PKCS#1 signature"],
    ["4.4.3: the scheme was offered", "a scheme that was not offered"],
    ["4.4.3: the signature is checked", "one flipped bit of the signature"],
    ["4.4.4: Finished is checked", "one flipped bit of verify_data"],
    ["4.6.1: no ticket lives longer than seven days", "a ticket lives no longer than seven days"],
    ["4.6.2: who did not offer it is not asked for a certificate later", "a certificate request after the handshake"],
    ["4.6.3: no KeyUpdate before Finished", "a ${name} ahead of the finished"],
    ["4.6.3: request_update is 0 or 1", "a KeyUpdate of neither kind"],
    [
      "4.6.3: a wish for new keys is answered before the next data",
      "many wishes for new keys are answered by one KeyUpdate",
    ],
    ["5: change_cipher_spec is the byte 1", "a change_cipher_spec of two bytes"],
    ["5: change_cipher_spec comes between the hello and Finished only", "change_cipher_spec after the handshake"],
    ["5: a protected change_cipher_spec is refused", "a protected change_cipher_spec"],
    ["5.1: nothing comes between the parts of a message", "a record of type ${type} between the parts of a message"],
    ["5.1: no message spans a change of keys", "a KeyUpdate that does not end its record"],
    ["5.1: no handshake record is empty", "an empty handshake record under protection"],
    ["5.2: no protected record is longer than 2^14 + 256", "a protected record of 2^14 + 257 bytes"],
    ["5.2: a record that does not open is bad_record_mac", "one flipped bit of a protected record"],
    ["5.4: a record of padding only is unexpected", "a record that holds padding only"],
    [
      "5.4: padding counts for the limit",
      "plaintext is longer than 2^14 is refused though it verifies, padding included",
    ],
    ["5.5: keys change before they wear out", "a key that has protected as many records as is safe"],
    ["6: an alert is an error whatever its level", "a warning that TLS 1.3 calls fatal"],
    ["6: an unprotected alert is none once there are keys", "an unprotected alert"],
    ["6.1: data without a goodbye may be cut short", "the end of the stream without close_notify"],
  ],
  "RFC 7627": [
    ["5.2: offered by default", "two runs with the same seeds write the same bytes"],
    ["5.3: a bound session is resumed bound", "no extended master secret"],
    ["5.3: an unbound session is not kept", "a session that is not bound to its handshake is not kept"],
  ],
  "RFC 5746": [
    ["3.4: the server must confirm (our choice of strictness)", "no renegotiation_info"],
    ["3.4: a first handshake's renegotiation_info is empty", "a renegotiation_info that is not empty"],
  ],
  "RFC 7905": [["2: the nonce is the IV mixed with the sequence", "a handshake of ${suite}${how} connects"]],
  "RFC 6066": [
    ["3: the server's server_name is empty", "a server_name that is not empty"],
    ["4: the fragment length is the one that was asked for", "another fragment length than was asked for"],
    ["4: records keep to the agreed length", "a record over the fragment length that was agreed"],
    ["8: no CertificateStatus without an announcement", "a certificate_status that was not announced"],
    ["8: a response that does not hold is bad_certificate_status_response", "bad_certificate_status_response"],
    ["9: server_name is acknowledged or not", "a server_name that is not empty"],
  ],
  "RFC 7633": [["4.2.3.1: a demanded response is missed", "whoever checks the chain hears whether a stapled response"]],
  "RFC 8449": [
    ["4: no limit below 64", "a record size limit below 64"],
    ["4: not together with max_fragment_length", "two limits of record sizes at once"],
    ["4: a longer record is record_overflow", "a record over the limit that was agreed"],
  ],
  "RFC 5077": [
    ["3.2: the server's session_ticket is empty", "a session_ticket that is not empty"],
    ["3.3: no ticket that was not announced", "a ticket that was not announced"],
    ["3.3: a ticket that was announced", "no ticket although one was announced"],
    ["3.4: a full handshake where the ticket is not taken", "that the server does not take up gives a full handshake"],
  ],
  "RFC 7301": [
    ["3.1: the server chooses one protocol", "two protocols"],
    ["3.2: the protocol was offered", "a protocol that was not offered"],
  ],
  "RFC 8422": [
    ["5.1.2: uncompressed points are taken", "compressed points only"],
    ["5.3: the certificate's curve was offered", "a certificate on a curve that was not offered"],
    ["5.4: the group was offered", "a group that was not offered"],
    ["5.4: the curve goes by its name", "a curve by its parameters, not by its name"],
    ["5.4: the point is uncompressed", "a compressed point"],
    ["5.10: the point is on the curve", "a point that is not on the curve"],
    ["5.11: a secret of zeros is refused", "a key share whose secret is zero"],
  ],
  "RFC 9525": [["6: the certificate is for the name", '"name-mismatch", "bad_certificate"']],
  "RFC 5280": [["6: the chain holds", "a refused chain"]],
  "RFC 4279": [
    ["2: a server without certificate asks for none", "a certificate request in a suite of a pre-shared key"],
    ["2: the hint is a whole message", "a pre-shared key's hint with a byte too many"],
  ],
  "RFC 5489": [["2: the share is on its curve", "an ECDHE_PSK share that is not on the curve"]],
  "RFC 7366": [
    ["3: only with CBC", "encrypt_then_mac with an authenticated cipher"],
    ["3: the MAC is over the ciphertext and is checked", 'how = encryptThenMac ? ", encrypt-then-MAC,"'],
  ],
  "RFC 7919": [["4: a small group is refused", "a Diffie-Hellman group of 1024 bits"]],
};

const files = globSync("*.test.ts", { cwd: import.meta.dirname }).filter((name) => name !== "musts.test.ts");
const text = files.map((name) => readFileSync(join(import.meta.dirname, name), "utf8")).join("\n");

for (const [specification, statements] of Object.entries(MUSTS)) {
  test(`each of the ${statements.length} statements of ${specification} that a server can break has its test`, () => {
    const missing = statements.filter(([, shownBy]) => !text.includes(shownBy));
    assert.deepEqual(missing, []);
    assert.equal(new Set(statements.map(([statement]) => statement)).size, statements.length);
  });
}

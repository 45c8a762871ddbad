import type { ErrorTable } from "../codec/index.ts";

/** Why a device can be refused; the code that refuses writes one of these into the ledger. */
export const REFUSALS = {
  "no-client-certificate": {
    cause: "The client connected without a certificate.",
    cure: "Give the client its certificate and key (mosquitto: --cert and --key; Hawser: hawser device connect --chip …).",
  },
  "unknown-ca": {
    cause: "No registered CA issued this certificate.",
    cure: "Register the CA that directly signed the device certificate (hawser cloud register-ca, or aws iot register-ca-certificate).",
  },
  "wrong-issuer-sent": {
    cause: "None of the CA certificates that the client sent issued its own certificate.",
    cure: "Send the device certificate followed by the CA certificate that signed it: hawser chain join DEVICE.pem CA.pem.",
  },
  "sni-required": {
    cause:
      "The certificate's CA is registered in SNI_ONLY mode, and the client's TLS handshake named no server of this account.",
    cure: "Have the client connect by the account's endpoint (aws iot describe-endpoint), not by address, with a TLS library that sends SNI.",
  },
  "ca-inactive": {
    cause: "The CA that issued this certificate is registered but INACTIVE.",
    cure: "aws iot update-ca-certificate --certificate-id CA_ID --new-status ACTIVE",
  },
  "ca-expired": {
    cause: "The CA that issued this certificate is outside its validity period.",
    cure: "Register a renewed CA certificate; devices that are registered already keep working.",
  },
  "auto-registration-off": {
    cause: "The CA that issued this certificate does not register new devices automatically.",
    cure: "aws iot update-ca-certificate --certificate-id CA_ID --new-auto-registration-status ENABLE, or register the certificate by hand.",
  },
  "certificate-pending": {
    cause: "The certificate is registered but PENDING_ACTIVATION: nothing has activated it yet.",
    cure: "The first connection is always dropped. If it stays pending, look at the activation function (hawser logs), or aws iot update-certificate --certificate-id ID --new-status ACTIVE.",
  },
  "registration-unheard": {
    cause:
      "The registration event was published and no rule listens to its topic, so that nothing activates the device.",
    cure: "hawser cloud install-jitr, or correct the rule: FROM '$aws/events/certificates/registered/CA_ID' (the evidence holds the topics of the rules that come near).",
  },
  "registration-rule-disabled": {
    cause: "The rule that listens to the registration event is disabled, so that nothing activates the device.",
    cure: "Make the rule again without ruleDisabled (aws iot delete-topic-rule, then create-topic-rule).",
  },
  "function-missing": {
    cause:
      "The rule on the registration event names a function that does not exist, so that nothing activates the device.",
    cure: "Make the function, or correct the function ARN in the rule: hawser cloud install-jitr does both.",
  },
  "function-permission": {
    cause: "The function's policy does not let the rule invoke it, so that nothing activates the device.",
    cure: "aws lambda add-permission --function-name FUNCTION --statement-id rule --action lambda:InvokeFunction --principal iot.amazonaws.com --source-arn RULE_ARN",
  },
  "function-failed": {
    cause: "The activation function failed, so that the device stays as it is.",
    cure: "Read what it printed: hawser logs FUNCTION. Correct it, then let the device connect again, which publishes its event anew.",
  },
  "function-timeout": {
    cause: "The activation function did not end in its time, so that the device stays as it is.",
    cure: "Look for a call that hangs (hawser logs FUNCTION), or give it longer: aws lambda update-function-configuration --function-name FUNCTION --timeout 10",
  },
  "function-memory": {
    cause: "The activation function used more memory than it may, so that the device stays as it is.",
    cure: "aws lambda update-function-configuration --function-name FUNCTION --memory-size 256, after a look at what it keeps.",
  },
  "provisioning-failed": {
    cause: "The provisioning template of the device's CA could not be carried out for it.",
    cure: "The evidence names what is wrong; correct the template or the certificate's subject, and let the device connect again.",
  },
  "certificate-denied": {
    cause: "The certificate is on the operator's deny-list.",
    cure: "The evidence holds the operator's reason; hawser cloud allow CERTIFICATE_ID takes it off the list.",
  },
  "certificate-on-crl": {
    cause: "The CA that issued this certificate lists it as revoked in its CRL.",
    cure: "Issue a new certificate for the device; a CRL is never undone for one certificate but by a newer list (removeFromCRL).",
  },
  "certificate-unregistered": {
    cause: "The certificate is not registered, and a request over HTTPS registers none.",
    cure: "Let the device connect once by MQTT, which registers it just in time, or register the certificate by hand.",
  },
  "certificate-inactive": {
    cause: "The certificate is registered but INACTIVE.",
    cure: "aws iot update-certificate --certificate-id ID --new-status ACTIVE",
  },
  "certificate-revoked": {
    cause: "The certificate is REVOKED.",
    cure: "Issue a new certificate for the device; a revoked one stays refused.",
  },
  "certificate-expired": {
    cause: "The certificate's notAfter has passed.",
    cure: "Issue a new certificate for the device; check the server's clock if the date looks wrong.",
  },
  "certificate-not-yet-valid": {
    cause: "The certificate's notBefore lies in the future.",
    cure: "Check the clocks of the issuing machine and of the server.",
  },
  "certificate-unacceptable": {
    cause: "The certificate cannot be parsed or uses an algorithm that is not accepted.",
    cure: "Issue a certificate with ECDSA P-256, P-384, P-521 or RSA of at least 2048 bits, signed with SHA-256 or better.",
  },
  "domain-disabled": {
    cause: "The domain configuration of the server name that the client asked for is DISABLED.",
    cure: "aws iot update-domain-configuration --domain-configuration-name NAME --domain-configuration-status ENABLED, or connect to another name.",
  },
  "domain-tls-policy": {
    cause:
      "The security policy of the server name's domain configuration wants TLS 1.3, and the client spoke an older one.",
    cure: "Let the client offer TLS 1.3, or give the configuration the policy IotSecurityPolicy_TLS13_1_2_2022_10.",
  },
  "jwt-malformed": {
    cause: "The password or bearer credential looks like a JSON Web Token and cannot be read as one.",
    cure: "Send a compact JWS with the claims aud, iat and exp in seconds; the evidence names the part.",
  },
  "jwt-algorithm": {
    cause: "The token's algorithm is not accepted, or does not fit the key of the device's certificate.",
    cure: "Sign with ES256 and a P-256 key (ES384 with P-384, RS256 with RSA); never none, and no shared secrets.",
  },
  "jwt-signature": {
    cause: "The token's signature does not match the key of the device's certificate.",
    cure: "Sign with the key of the certificate in the evidence, as 64 raw bytes; where the chip's host emits DER, make the registry with --der-signatures.",
  },
  "jwt-audience": {
    cause: "The token's aud names no device registry of this account.",
    cure: "Set aud to the name of the registry (hawser cloud registry list), or make it with hawser cloud registry create.",
  },
  "jwt-expired": {
    cause: "The token's exp has passed.",
    cure: "Make a new token for each connection; check the device's clock against the server's time in the evidence.",
  },
  "jwt-not-yet-valid": {
    cause: "The token's iat or nbf lies in the future by more than the allowed skew.",
    cure: "Set the device's clock; the evidence holds the server's time.",
  },
  "jwt-lifetime": {
    cause: "The token would be good for longer than is allowed.",
    cure: "Set exp to at most 24 hours after iat.",
  },
  "jwt-nonce": {
    cause: "The token does not hold the challenge that the server sent.",
    cure: "Answer each challenge with a new token whose nonce claim is the text that the server's AUTH packet carried.",
  },
  "jwt-certificate-unknown": {
    cause: "No registered certificate of the registry belongs to this token.",
    cure: "Register the device's certificate (aws iot register-certificate-without-ca) and name it: kid or sub as its id, or a client id that is its thing's name; or send it along as x5c to a registry made with --auto-register.",
  },
  "jwt-certificate-foreign": {
    cause: "The device's certificate was not issued by the CA of the registry that its token names.",
    cure: "Issue the certificate with the registry's JWT_CA, or set aud to the registry whose CA issued it.",
  },
  "no-policy": {
    cause: "The certificate is ACTIVE but no policy is attached to it.",
    cure: "aws iot attach-policy --policy-name NAME --target CERTIFICATE_ARN",
  },
  "policy-denies-connect": {
    cause: "No attached policy allows iot:Connect with this client id, or one denies it.",
    cure: "Allow iot:Connect on arn:aws:iot:REGION:ACCOUNT:client/CLIENT_ID, or connect with the client id that the policy expects.",
  },
  "policy-denies-publish": {
    cause: "No attached policy allows iot:Publish on this topic, or one denies it.",
    cure: "Allow iot:Publish on arn:aws:iot:REGION:ACCOUNT:topic/TOPIC, or publish to a topic that the policy allows.",
  },
  "policy-denies-subscribe": {
    cause: "No attached policy allows iot:Subscribe on this topic filter, or one denies it.",
    cure: "Allow iot:Subscribe on arn:aws:iot:REGION:ACCOUNT:topicfilter/FILTER; wildcards in the filter count as plain characters.",
  },
  "policy-denies-receive": {
    cause: "A message matched the subscription but no policy allows iot:Receive on its topic.",
    cure: "Allow iot:Receive on arn:aws:iot:REGION:ACCOUNT:topic/TOPIC.",
  },
  "policy-denies-retain": {
    cause: "The message asks to be retained but no policy allows iot:RetainPublish on its topic.",
    cure: "Allow iot:RetainPublish on the topic, or publish without the retain flag.",
  },
  "policy-denies-request": {
    cause:
      "No attached policy allows what was asked over HTTPS about a thing's shadow or jobs, or about retained messages, or one denies it.",
    cure: "Allow the action of the evidence on arn:aws:iot:REGION:ACCOUNT:thing/THING (a named shadow is thing/THING/SHADOW), or on topic/TOPIC for retained messages.",
  },
  "policy-denies-credentials": {
    cause: "No attached policy allows iot:AssumeRoleWithCertificate on this role alias, or one denies it.",
    cure: "Allow iot:AssumeRoleWithCertificate on arn:aws:iot:REGION:ACCOUNT:rolealias/ALIAS in a policy of the certificate.",
  },
  "credentials-thing": {
    cause: "Credentials are asked for a thing that is not attached to the certificate.",
    cure: "aws iot attach-thing-principal --thing-name THING --principal CERTIFICATE_ARN, or leave the header x-amzn-iot-thingname away.",
  },
  "session-token": {
    cause:
      "A request is signed with temporary credentials, and their session token is missing, damaged, of another access key, or of another cloud.",
    cure: "Send all three parts of what GET /role-aliases/ALIAS/credentials answered; AWS tools take the token from AWS_SESSION_TOKEN.",
  },
  "session-expired": {
    cause: "The temporary credentials that a request or a WebSocket was signed with have expired.",
    cure: "Ask for new ones: GET /role-aliases/ALIAS/credentials with the client certificate.",
  },
  "session-not-allowed": {
    cause:
      "A request is signed with a certificate's temporary credentials and asks for something that is no part of the data plane.",
    cure: "Sign with an operator's access key (DIRECTORY/credentials.json, unset AWS_SESSION_TOKEN); a certificate's credentials publish, and reach shadows, jobs and retained messages.",
  },
  "authorizer-unknown": {
    cause: "The client names a custom authorizer that does not exist.",
    cure: "List them with aws iot list-authorizers; the name travels as x-amz-customauthorizer-name in the user name, a header or the query.",
  },
  "authorizer-not-allowed": {
    cause:
      "The client named an authorizer, and the configuration of the server name lets it name no other than its default.",
    cure: "Let the client name none, or aws iot update-domain-configuration --authorizer-config allowAuthorizerOverride=true,defaultAuthorizerName=NAME.",
  },
  "authorizer-inactive": {
    cause: "The custom authorizer that the client names is INACTIVE.",
    cure: "aws iot update-authorizer --authorizer-name NAME --status ACTIVE",
  },
  "authorizer-signature": {
    cause: "The token for the custom authorizer carries no signature, or none of the authorizer's keys made it.",
    cure: "Sign the token's text with RSA and SHA-256, send base64 as x-amz-customauthorizer-signature, and check the authorizer's token key name.",
  },
  "authorizer-denied": {
    cause: "The custom authorizer's function did not authenticate the client.",
    cure: "hawser logs FUNCTION shows what the function saw; aws iot test-invoke-authorizer tries it without a device.",
  },
  "authorizer-failed": {
    cause: "The custom authorizer's function failed, took over five seconds, or answered something that it must not.",
    cure: "The evidence names what was wrong; hawser logs FUNCTION shows the run.",
  },
  "authorizer-expired": {
    cause: "The time is over for which the custom authorizer let the client in (disconnectAfterInSeconds).",
    cure: "The client may connect again at once; let the function answer more seconds, at most 86400, if that is too often.",
  },
  "policy-variable": {
    cause: "A policy would allow it, but a variable in it has no value for this connection, and so matches nothing.",
    cure: "The evidence names the variable and the policy; give the certificate the attribute that it stands for, or write the policy without it.",
  },
  "thing-not-attached": {
    cause:
      "A policy would allow it to a thing, but no thing that is attached to the certificate has the client id as its name.",
    cure: "Connect with the thing's name as client id, and attach it: aws iot attach-thing-principal --thing-name CLIENT_ID --principal CERTIFICATE_ARN (where there is no such thing yet, first: aws iot create-thing --thing-name CLIENT_ID)",
  },
  "server-name-missing": {
    cause:
      "A policy asks which server name the client wanted (iot:DomainName), and the client sent none in its TLS handshake.",
    cure: "Have the client send SNI: connect to the cloud by name and not by address, with a TLS library that sends it.",
  },
  "policy-condition": {
    cause: "A policy would allow it, but a condition of the statement does not hold for this connection.",
    cure: "The evidence names the policy and the condition's key; change what the client does, or the condition.",
  },
  "client-id-taken-over": {
    cause: "Another connection came in with the same client id; the older one was closed.",
    cure: "Give every device its own client id; the certificate's thing name is a good one.",
  },
  "tls-version": {
    cause: "The client and the server have no TLS version in common.",
    cure: "Offer TLS 1.2 or 1.3.",
  },
  "tls-cipher-suite": {
    cause: "The client and the server have no cipher suite or group in common.",
    cure: "Offer ECDHE-ECDSA-AES128-GCM-SHA256 with secp256r1.",
  },
  "not-tls": {
    cause: "Something that is no TLS was sent to a port that speaks TLS only.",
    cure: "Turn TLS on in the client (mosquitto: --cafile; MQTT.js: mqtts://), or connect to the port of --plain-mqtt.",
  },
  "tls-on-plain-port": {
    cause: "A TLS handshake was begun on a port that speaks MQTT without TLS.",
    cure: "Connect to the MQTT port that hawser up names as MQTT over TLS (8883), or turn TLS off in the client.",
  },
  "http-on-mqtt-port": {
    cause: "An HTTP request was sent to a port that speaks MQTT only.",
    cure: "The control plane is at the api address of hawser up; devices publish over HTTPS on a port of --https-port.",
  },
  "not-http": {
    cause: "Something that is no HTTP request was sent to the control plane's port.",
    cure: "Devices connect to the mqtt address of hawser up, callers of the API to its api address; check http and https.",
  },
  "tls-failed": {
    cause: "The TLS handshake failed; the evidence holds what the TLS library said.",
    cure: "If the client refused our certificate, give it our root (caFile of hawser up) and connect to a name in the certificate.",
  },
  "server-name-mismatch": {
    cause: "The name that the client connected to is not in the server's certificate.",
    cure: "Connect to a name that the server certificate lists, or start hawser up with --server-name NAME.",
  },
  "keep-alive-expired": {
    cause: "The client sent nothing for one and a half times its keep-alive interval.",
    cure: "Check the device's network and that its loop sends PINGREQ in time, or choose a longer keep-alive.",
  },
  "mqtt-malformed": {
    cause: "The client sent bytes that are not MQTT, or broke a rule of the protocol.",
    cure: "Check that the client speaks MQTT 3.1.1 or 5 to this port; the evidence names the rule.",
  },
  "mqtt-limit": {
    cause: "The client went over a limit: packet size, subscriptions, topic length, a queue, or a rate.",
    cure: "The evidence names the limit; change the client, or raise the limit: hawser up --mqtt-setting NAME=NUMBER, for registrationsPerSecond --limit.",
  },
  "connect-timeout": {
    cause: "The client opened a connection but did not finish TLS and CONNECT in time.",
    cure: "Check the device's network; an MQTT client sends CONNECT as soon as TLS is up.",
  },
  "api-unsigned": {
    cause: "An API request came without a signature.",
    cure: "Use a client that signs (aws, an AWS SDK, hawser) with the access key that hawser up printed; a browser does not.",
  },
  "api-unknown-key": {
    cause: "An API request is signed with an access key that this cloud does not have, or that is inactive.",
    cure: "hawser cloud keys list shows the keys; take the one of DIRECTORY/credentials.json, not one of AWS itself.",
  },
  "api-clock-skew": {
    cause: "An API request was signed at a time that is too far from the cloud's.",
    cure: "Set the caller's clock; the evidence holds both times.",
  },
  "api-signature": {
    cause: "An API request's signature does not belong to what arrived.",
    cure: "Check the secret access key; if it is right, a proxy changed path, query, a signed header or the body on the way.",
  },
  "api-unauthorized": {
    cause: "An API request's authentication cannot be read, or is for another region or service.",
    cure: "The evidence says what was expected; use the region and the access key that hawser up printed.",
  },
} as const satisfies ErrorTable;

export type RefusalCause = keyof typeof REFUSALS;

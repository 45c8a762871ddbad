/* A TLS 1.2 client over mbedTLS: connects to 127.0.0.1, sends a line, says what came back. Exit 0 after all of it.
 *
 *   mbedtls-client port=N [servername=NAME] [ca=F] [verify=none|optional|required] [cert=F key=F]
 *                  [suites=TLS_...,TLS_...] [curves=secp256r1,...] [psk=HEX identity=NAME] [line=TEXT]
 *                  [again=yes: a second connection, which resumes the session of the first]
 */
#include "mbedtls-peer.h"

/* Sends the line and reads as many bytes as it has, which a server that echoes or reverses gives. */
static int exchange(mbedtls_ssl_context *ssl, const char *line) {
  char sent[1024], received[1024];
  size_t length = (size_t) snprintf(sent, sizeof sent, "%s\n", line), have = 0;
  if (length >= sizeof sent) peer_fail("line");
  if (write_all(ssl, (const unsigned char *) sent, length) != 0) return -1;
  while (have < length) {
    int got = mbedtls_ssl_read(ssl, (unsigned char *) received + have, length - have);
    if (got == MBEDTLS_ERR_SSL_WANT_READ || got == MBEDTLS_ERR_SSL_WANT_WRITE) continue;
    if (got <= 0) {
      peer_say("broken code=-0x%04x", (unsigned) -got);
      return -1;
    }
    have += (size_t) got;
  }
  peer_say("received %.*s", (int) have - 1, received);
  return 0;
}

/* One connection from handshake to goodbye, with the session of an earlier one where there is any. */
static int connect_once(mbedtls_ssl_context *ssl, mbedtls_ssl_session *session) {
  mbedtls_net_context connection = {.fd = peer_connect(peer_setting("port", ""))};
  mbedtls_ssl_set_bio(ssl, &connection, mbedtls_net_send, mbedtls_net_recv, NULL);
  if (session) must(mbedtls_ssl_set_session(ssl, session), "session");
  int failed = handshake(ssl) != 0 || exchange(ssl, peer_setting("line", "from mbedTLS")) != 0;
  if (!failed) mbedtls_ssl_close_notify(ssl);
  mbedtls_net_free(&connection);
  return failed;
}

int main(int argc, char **argv) {
  static const char *const NAMES[] = {"port",   "servername", "ca",  "verify",   "cert", "key",
                                      "suites", "curves",     "psk", "identity", "line", "again", NULL};
  static struct material material;
  mbedtls_ssl_config conf;
  mbedtls_ssl_context ssl;
  peer_settings(argc, argv, NAMES);
  configure(&conf, &material, MBEDTLS_SSL_IS_CLIENT, "required");
  mbedtls_ssl_session session;
  mbedtls_ssl_init(&ssl);
  must(mbedtls_ssl_setup(&ssl, &conf), "setup");
  must(mbedtls_ssl_set_hostname(&ssl, peer_setting("servername", "localhost")), "servername");
  if (connect_once(&ssl, NULL) != 0) return 1;
  if (!peer_setting("again", NULL)) return 0;
  mbedtls_ssl_session_init(&session);
  must(mbedtls_ssl_get_session(&ssl, &session), "session");
  must(mbedtls_ssl_session_reset(&ssl), "reset");
  return connect_once(&ssl, &session);
}

/* A TLS 1.2 server over mbedTLS that echoes, one connection after another, and says what each negotiated.
 *
 *   mbedtls-server cert=F key=F [cert=F key=F ...] [ca=F] [verify=none|optional|required]
 *                  [suites=TLS_...,TLS_...] [curves=secp256r1,...] [psk=HEX identity=NAME]
 */
#include <mbedtls/dhm.h>
#include <mbedtls/ssl_cache.h>
#include <mbedtls/ssl_ticket.h>

#include "mbedtls-peer.h"

static void echo(mbedtls_ssl_context *ssl) {
  unsigned char bytes[16384];
  for (;;) {
    int length = mbedtls_ssl_read(ssl, bytes, sizeof bytes);
    if (length == MBEDTLS_ERR_SSL_WANT_READ || length == MBEDTLS_ERR_SSL_WANT_WRITE) continue;
    if (length == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
      mbedtls_ssl_close_notify(ssl);
      peer_say("closed");
      return;
    }
    if (length <= 0) {
      peer_say("broken code=-0x%04x", (unsigned) -length);
      return;
    }
    if (write_all(ssl, bytes, (size_t) length) != 0) return;
  }
}

int main(int argc, char **argv) {
  static const char *const NAMES[] = {"cert", "key", "ca", "verify", "suites", "curves", "psk", "identity", NULL};
  static const unsigned char P[] = MBEDTLS_DHM_RFC7919_FFDHE2048_P_BIN, G[] = MBEDTLS_DHM_RFC7919_FFDHE2048_G_BIN;
  static struct material material;
  mbedtls_ssl_config conf;
  mbedtls_ssl_cache_context cache;
  mbedtls_ssl_ticket_context tickets;
  peer_settings(argc, argv, NAMES);
  configure(&conf, &material, MBEDTLS_SSL_IS_SERVER, "none");
  must(mbedtls_ssl_conf_dh_param_bin(&conf, P, sizeof P, G, sizeof G), "Diffie-Hellman group");
  mbedtls_ssl_cache_init(&cache);
  mbedtls_ssl_conf_session_cache(&conf, &cache, mbedtls_ssl_cache_get, mbedtls_ssl_cache_set);
  mbedtls_ssl_ticket_init(&tickets);
  must(mbedtls_ssl_ticket_setup(&tickets, mbedtls_ctr_drbg_random, &material.drbg, MBEDTLS_CIPHER_AES_256_GCM, 3600),
       "tickets");
  mbedtls_ssl_conf_session_tickets_cb(&conf, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse, &tickets);
  int listener = peer_listen();
  for (;;) {
    mbedtls_net_context connection = {.fd = peer_accept(listener)};
    mbedtls_ssl_context ssl;
    mbedtls_ssl_init(&ssl);
    must(mbedtls_ssl_setup(&ssl, &conf), "setup");
    mbedtls_ssl_set_bio(&ssl, &connection, mbedtls_net_send, mbedtls_net_recv, NULL);
    if (handshake(&ssl) == 0) echo(&ssl);
    mbedtls_ssl_free(&ssl);
    mbedtls_net_free(&connection);
  }
}

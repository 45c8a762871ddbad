/* A TLS 1.2 and 1.3 server over wolfSSL that echoes, one connection after another, and says what each negotiated.
 *
 *   wolfssl-server [cert=F key=F] [ca=F] [verify=none|optional|required] [suites=NAME,NAME] [version=1.2|1.3|both]
 *                  [psk=HEX identity=NAME hint=TEXT]
 *
 * A context of wolfSSL's holds one certificate. Suites go by either of the names that wolfSSL knows.
 */
#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/dh.h>

#include "peer.h"

static unsigned char psk[64];
static size_t psk_length;

static void must(int code, const char *what) {
  if (code != WOLFSSL_SUCCESS) peer_fail("%s: %d", what, code);
}

static unsigned int find_psk(WOLFSSL *ssl, const char *identity, unsigned char *key, unsigned int most) {
  (void) ssl;
  if (strcmp(identity, peer_setting("identity", "")) != 0 || psk_length > most) return 0;
  memcpy(key, psk, psk_length);
  return (unsigned int) psk_length;
}

/* In TLS 1.3 the callback also says which suite's hash the key goes with. */
static unsigned int find_psk13(WOLFSSL *ssl, const char *identity, unsigned char *key, unsigned int most,
                               const char **suite) {
  *suite = "TLS13-AES128-GCM-SHA256";
  return find_psk(ssl, identity, key, most);
}

static void set_psk(WOLFSSL_CTX *context) {
  if (!peer_setting("psk", NULL)) return;
  psk_length = peer_hex(peer_setting("psk", NULL), psk, sizeof psk);
  wolfSSL_CTX_set_psk_server_callback(context, find_psk);
  wolfSSL_CTX_set_psk_server_tls13_callback(context, find_psk13);
  if (peer_setting("hint", NULL)) must(wolfSSL_CTX_use_psk_identity_hint(context, peer_setting("hint", "")), "hint");
}

static void set_suites(WOLFSSL_CTX *context) {
  const char *list = peer_setting("suites", NULL);
  if (!list) return;
  char *names = strdup(list);
  for (char *at = names; *at; at++) *at = *at == ',' ? ':' : *at;
  must(wolfSSL_CTX_set_cipher_list(context, names), names);
  free(names);
}

static void set_credentials(WOLFSSL_CTX *context) {
  const char *certificate = peer_setting("cert", NULL), *key = peer_setting("key", NULL), *ca = peer_setting("ca", NULL);
  if (certificate) {
    if (!key) peer_fail("no key");
    must(wolfSSL_CTX_use_certificate_chain_file(context, certificate), "cert");
    must(wolfSSL_CTX_use_PrivateKey_file(context, key, WOLFSSL_FILETYPE_PEM), "key");
  }
  if (ca) must(wolfSSL_CTX_load_verify_locations(context, ca, NULL), "ca");
}

static void set_verification(WOLFSSL_CTX *context) {
  const char *verify = peer_setting("verify", "none");
  int none = strcmp(verify, "none") == 0, required = strcmp(verify, "required") == 0;
  if (!none && !required && strcmp(verify, "optional") != 0) peer_fail("verify=%s", verify);
  int mode = none ? WOLFSSL_VERIFY_NONE : WOLFSSL_VERIFY_PEER;
  wolfSSL_CTX_set_verify(context, required ? mode | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT : mode, NULL);
}

static WOLFSSL_CTX *configured(void) {
  const char *version = peer_setting("version", "both");
  WOLFSSL_METHOD *method = strcmp(version, "1.2") == 0   ? wolfTLSv1_2_server_method()
                           : strcmp(version, "1.3") == 0 ? wolfTLSv1_3_server_method()
                                                         : wolfSSLv23_server_method();
  WOLFSSL_CTX *context = wolfSSL_CTX_new(method);
  if (!context) peer_fail("context");
  const DhParams *group = wc_Dh_ffdhe2048_Get();
  must(wolfSSL_CTX_SetTmpDH(context, group->p, (int) group->p_len, group->g, (int) group->g_len), "group");
  set_psk(context);
  set_suites(context);
  set_credentials(context);
  set_verification(context);
  return context;
}

/* Says how the handshake ended. */
static int handshake(WOLFSSL *ssl) {
  if (wolfSSL_accept(ssl) != WOLFSSL_SUCCESS) {
    int code = wolfSSL_get_error(ssl, 0);
    peer_say("failed code=%d reason=%s", code, wolfSSL_ERR_reason_error_string((unsigned long) code));
    return -1;
  }
  WOLFSSL_X509 *peer = wolfSSL_get_peer_certificate(ssl);
  char *name = peer ? wolfSSL_X509_NAME_oneline(wolfSSL_X509_get_subject_name(peer), NULL, 0) : NULL;
  const char *curve = wolfSSL_get_curve_name(ssl);
  peer_say("handshake version=%s suite=%s curve=%s certificate=%s", wolfSSL_get_version(ssl),
           wolfSSL_get_cipher_name(ssl), curve ? curve : "none", name ? name : "none");
  return 0;
}

static void echo(WOLFSSL *ssl) {
  unsigned char bytes[16384];
  for (;;) {
    int length = wolfSSL_read(ssl, bytes, sizeof bytes);
    if (length <= 0) {
      int code = wolfSSL_get_error(ssl, length);
      if (code == WOLFSSL_ERROR_ZERO_RETURN) peer_say("closed");
      else peer_say("broken code=%d", code);
      wolfSSL_shutdown(ssl);
      return;
    }
    if (wolfSSL_write(ssl, bytes, length) != length) return;
  }
}

int main(int argc, char **argv) {
  static const char *const NAMES[] = {"cert",    "key", "ca",       "verify", "suites",
                                      "version", "psk", "identity", "hint",   NULL};
  peer_settings(argc, argv, NAMES);
  wolfSSL_Init();
  WOLFSSL_CTX *context = configured();
  int listener = peer_listen();
  for (;;) {
    int connection = peer_accept(listener);
    WOLFSSL *ssl = wolfSSL_new(context);
    if (!ssl) peer_fail("session");
    wolfSSL_set_fd(ssl, connection);
    if (handshake(ssl) == 0) echo(ssl);
    wolfSSL_free(ssl);
    close(connection);
  }
}

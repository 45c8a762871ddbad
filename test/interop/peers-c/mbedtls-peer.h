/* What the mbedTLS server and client share: how settings become a configuration, and what was negotiated. */
#ifndef MBEDTLS_PEER_H
#define MBEDTLS_PEER_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#include "peer.h"

/* Everything that a configuration points into. */
struct material {
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context drbg;
  mbedtls_x509_crt ca;
  mbedtls_x509_crt certificates[4];
  mbedtls_pk_context keys[4];
  int suites[PEER_MOST];
  mbedtls_ecp_group_id curves[PEER_MOST];
  unsigned char psk[64];
};

static const char *reason(int code) {
  static char text[160];
  mbedtls_strerror(code, text, sizeof text);
  return text;
}

static void must(int code, const char *what) {
  if (code != 0) peer_fail("%s: -0x%04x %s", what, (unsigned) -code, reason(code));
}

/* The registry's names, which mbedTLS writes with dashes. */
static void set_suites(mbedtls_ssl_config *conf, struct material *material) {
  const char *list = peer_setting("suites", NULL);
  if (!list) return;
  char *names[PEER_MOST];
  int count = peer_items(strdup(list), names);
  for (int i = 0; i < count; i++) {
    for (char *at = names[i]; *at; at++) *at = *at == '_' ? '-' : *at;
    material->suites[i] = mbedtls_ssl_get_ciphersuite_id(names[i]);
    if (material->suites[i] == 0) peer_fail("suite %s", names[i]);
  }
  mbedtls_ssl_conf_ciphersuites(conf, material->suites);
}

static void set_curves(mbedtls_ssl_config *conf, struct material *material) {
  const char *list = peer_setting("curves", NULL);
  if (!list) return;
  char *names[PEER_MOST];
  int count = peer_items(strdup(list), names);
  for (int i = 0; i < count; i++) {
    const mbedtls_ecp_curve_info *curve = mbedtls_ecp_curve_info_from_name(names[i]);
    if (!curve) peer_fail("curve %s", names[i]);
    material->curves[i] = curve->grp_id;
  }
  mbedtls_ssl_conf_curves(conf, material->curves);
}

/* Certificates come in the order of their keys: cert=A key=A' cert=B key=B'. */
static void set_credentials(mbedtls_ssl_config *conf, struct material *material) {
  for (int i = 0; peer_setting_at("cert", i); i++) {
    if (i == 4 || !peer_setting_at("key", i)) peer_fail("certificates");
    mbedtls_x509_crt_init(&material->certificates[i]);
    mbedtls_pk_init(&material->keys[i]);
    must(mbedtls_x509_crt_parse_file(&material->certificates[i], peer_setting_at("cert", i)), "cert");
    must(mbedtls_pk_parse_keyfile(&material->keys[i], peer_setting_at("key", i), NULL), "key");
    must(mbedtls_ssl_conf_own_cert(conf, &material->certificates[i], &material->keys[i]), "own certificate");
  }
  if (peer_setting("ca", NULL)) {
    mbedtls_x509_crt_init(&material->ca);
    must(mbedtls_x509_crt_parse_file(&material->ca, peer_setting("ca", NULL)), "ca");
    mbedtls_ssl_conf_ca_chain(conf, &material->ca, NULL);
  }
  if (peer_setting("psk", NULL)) {
    const char *identity = peer_setting("identity", "");
    size_t length = peer_hex(peer_setting("psk", NULL), material->psk, sizeof material->psk);
    must(mbedtls_ssl_conf_psk(conf, material->psk, length, (const unsigned char *) identity, strlen(identity)), "psk");
  }
}

/* verify=none, optional (a certificate is asked for, and must be good where one comes) or required. */
static void set_verification(mbedtls_ssl_config *conf, const char *otherwise) {
  const char *verify = peer_setting("verify", otherwise);
  int none = strcmp(verify, "none") == 0, optional = strcmp(verify, "optional") == 0;
  if (!none && !optional && strcmp(verify, "required") != 0) peer_fail("verify=%s", verify);
  mbedtls_ssl_conf_authmode(conf, none       ? MBEDTLS_SSL_VERIFY_NONE
                                  : optional ? MBEDTLS_SSL_VERIFY_OPTIONAL
                                             : MBEDTLS_SSL_VERIFY_REQUIRED);
}

static void configure(mbedtls_ssl_config *conf, struct material *material, int endpoint, const char *verify) {
  memset(material, 0, sizeof *material);
  mbedtls_entropy_init(&material->entropy);
  mbedtls_ctr_drbg_init(&material->drbg);
  must(mbedtls_ctr_drbg_seed(&material->drbg, mbedtls_entropy_func, &material->entropy, NULL, 0), "random");
  mbedtls_ssl_config_init(conf);
  must(mbedtls_ssl_config_defaults(conf, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT), "defaults");
  mbedtls_ssl_conf_rng(conf, mbedtls_ctr_drbg_random, &material->drbg);
  mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  set_suites(conf, material);
  set_curves(conf, material);
  set_credentials(conf, material);
  set_verification(conf, verify);
}

/* Runs the handshake and says how it ended; returns 0 only where the peer is as trusted as was asked for. */
static int handshake(mbedtls_ssl_context *ssl) {
  int code;
  while ((code = mbedtls_ssl_handshake(ssl)) == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE) {
  }
  if (code != 0) {
    peer_say("failed code=-0x%04x reason=%s", (unsigned) -code, reason(code));
    return code;
  }
  const mbedtls_x509_crt *peer = mbedtls_ssl_get_peer_cert(ssl);
  uint32_t flaws = peer ? mbedtls_ssl_get_verify_result(ssl) : 0;
  char name[256] = "none";
  if (peer) mbedtls_x509_dn_gets(name, sizeof name, &peer->subject);
  peer_say("handshake version=%s suite=%s certificate=%s flaws=%u", mbedtls_ssl_get_version(ssl),
           mbedtls_ssl_get_ciphersuite(ssl), name, (unsigned) flaws);
  return flaws ? -1 : 0;
}

static int write_all(mbedtls_ssl_context *ssl, const unsigned char *bytes, size_t length) {
  while (length > 0) {
    int written = mbedtls_ssl_write(ssl, bytes, length);
    if (written == MBEDTLS_ERR_SSL_WANT_READ || written == MBEDTLS_ERR_SSL_WANT_WRITE) continue;
    if (written <= 0) return -1;
    bytes += written;
    length -= (size_t) written;
  }
  return 0;
}

#endif

/*
 * Copyright (c) 2026 The Bindery authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

/*
 * TLSA records against chains that are made here: what each usage, selector
 * and matching type means, and that nothing else matches.
 */

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <string.h>

#include <atf-c.h>

#include "mta/dns.h"
#include "mta/secure.h"

static struct {
	EVP_PKEY	*key;
	EVP_PKEY	*other;		/* the authority's */
	X509		*ca;
	X509		*leaf;
	char		*pem;
	size_t		 len;
} t;

static EVP_PKEY *
key_new(void)
{
	EVP_PKEY_CTX	*context;
	EVP_PKEY	*key = NULL;

	context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	ATF_REQUIRE(context != NULL && EVP_PKEY_keygen_init(context) == 1 &&
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context,
	    NID_X9_62_prime256v1) == 1 && EVP_PKEY_keygen(context, &key) == 1);
	EVP_PKEY_CTX_free(context);
	return (key);
}

static void
extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION	*e;

	e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	ATF_REQUIRE(e != NULL && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
}

/* For host, or an authority's; until is seconds from now. */
static X509 *
certificate(const char *subject, const char *issuer, EVP_PKEY *key,
    EVP_PKEY *signer, const char *host, long until)
{
	char	 san[300];
	X509	*cert;

	ATF_REQUIRE((cert = X509_new()) != NULL);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -7200);
	X509_gmtime_adj(X509_getm_notAfter(cert), until);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
	    MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN",
	    MBSTRING_ASC, (const unsigned char *)issuer, -1, -1, 0);
	X509_set_pubkey(cert, key);
	snprintf(san, sizeof(san), "DNS:%s", host == NULL ? "" : host);
	if (host == NULL)
		extend(cert, NID_basic_constraints, "critical,CA:TRUE");
	else
		extend(cert, NID_subject_alt_name, san);
	ATF_REQUIRE(X509_sign(cert, signer, EVP_sha256()) > 0);
	return (cert);
}

/* The chain as a peer shows it: the leaf, then the authority. */
static void
chain(long until)
{
	BIO	*bio;
	char	*text;
	long	 len;

	t.key = key_new();
	t.other = key_new();
	t.ca = certificate("ca", "ca", t.other, t.other, NULL, 7200);
	t.leaf = certificate("leaf", "ca", t.key, t.other, "mx.example",
	    until);
	ATF_REQUIRE((bio = BIO_new(BIO_s_mem())) != NULL);
	PEM_write_bio_X509(bio, t.leaf);
	PEM_write_bio_X509(bio, t.ca);
	len = BIO_get_mem_data(bio, &text);
	t.len = (size_t)len;
	ATF_REQUIRE((t.pem = malloc(t.len)) != NULL);
	memcpy(t.pem, text, t.len);
	BIO_free(bio);
}

static void
clean(void)
{
	free(t.pem);
	X509_free(t.leaf);
	X509_free(t.ca);
	EVP_PKEY_free(t.key);
	EVP_PKEY_free(t.other);
}

/* A record of cert, as it comes out of dns.c. */
static void
record(struct dns_record *r, int usage, int selector, int matching,
    X509 *cert)
{
	unsigned char	 digest[EVP_MAX_MD_SIZE], *der = NULL, *data;
	unsigned int	 size;
	int		 len;

	len = selector == 0 ? i2d_X509(cert, &der) :
	    i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	ATF_REQUIRE(len > 0);
	data = der;
	if (matching == 1 || matching == 2) {
		EVP_Digest(der, (size_t)len, digest, &size, matching == 1 ?
		    EVP_sha256() : EVP_sha512(), NULL);
		data = digest;
		len = (int)size;
	}
	memset(r, 0, sizeof(*r));
	r->type = DNS_TLSA;
	r->len = (size_t)len + 3;
	ATF_REQUIRE((r->data = malloc(r->len)) != NULL);
	r->data[0] = (uint8_t)usage;
	r->data[1] = (uint8_t)selector;
	r->data[2] = (uint8_t)matching;
	memcpy(r->data + 3, data, (size_t)len);
	OPENSSL_free(der);
}

static struct dane *
dane_of(struct dns_record *r, size_t count)
{
	struct dns_answer	 a = { .status = DNS_OK, .authentic = 1,
				    .count = count, .records = r };

	return (dane_new(&a, "mx.example"));
}

static int
verdict(int usage, int selector, int matching, X509 *cert, const char *name)
{
	const char		*names[] = { name, "example", NULL };
	struct dns_record	 r;
	struct dane		*dane;
	int			 good;

	record(&r, usage, selector, matching, cert);
	dane = dane_of(&r, 1);
	free(r.data);
	good = dane_usable(dane) ? dane_match(dane, t.pem, t.len, names) : -1;
	dane_release(dane);
	return (good);
}

ATF_TC_WITHOUT_HEAD(matching);
ATF_TC_BODY(matching, tc)
{
	int	 selector, matching;

	chain(7200);
	for (selector = 0; selector < 2; selector++) {
		for (matching = 0; matching < 3; matching++) {
			ATF_CHECK_EQ(1, verdict(3, selector, matching, t.leaf,
			    "mx.example"));
			/* an end entity's name does not count */
			ATF_CHECK_EQ(1, verdict(3, selector, matching, t.leaf,
			    "mx.other"));
			ATF_CHECK_EQ(0, verdict(3, selector, matching, t.ca,
			    "mx.example"));
			ATF_CHECK_EQ(1, verdict(2, selector, matching, t.ca,
			    "mx.example"));
			/* an authority's does */
			ATF_CHECK_EQ(0, verdict(2, selector, matching, t.ca,
			    "mx.other"));
			ATF_CHECK_EQ(0, verdict(2, selector, matching, t.leaf,
			    "mx.other"));
		}
	}
	clean();
}

/* Dates count for what an authority signed, not for what is named itself. */
ATF_TC_WITHOUT_HEAD(expired);
ATF_TC_BODY(expired, tc)
{
	chain(-3600);
	ATF_CHECK_EQ(1, verdict(3, 1, 1, t.leaf, "mx.example"));
	ATF_CHECK_EQ(0, verdict(2, 1, 1, t.ca, "mx.example"));
	clean();
}

/* The name is right and the authority is shown, but it did not sign. */
ATF_TC_WITHOUT_HEAD(not_signed);
ATF_TC_BODY(not_signed, tc)
{
	const char		*names[] = { "mx.example", NULL };
	struct dns_record	 r;
	struct dane		*dane;
	X509			*forged;
	BIO			*bio;
	char			*text;
	long			 len;

	chain(7200);
	forged = certificate("leaf", "ca", t.key, t.key, "mx.example", 7200);
	ATF_REQUIRE((bio = BIO_new(BIO_s_mem())) != NULL);
	PEM_write_bio_X509(bio, forged);
	PEM_write_bio_X509(bio, t.ca);
	len = BIO_get_mem_data(bio, &text);
	record(&r, 2, 0, 1, t.ca);
	dane = dane_of(&r, 1);
	ATF_CHECK_EQ(0, dane_match(dane, text, (size_t)len, names));
	dane_release(dane);
	free(r.data);
	BIO_free(bio);
	X509_free(forged);
	clean();
}

/* What cannot be used is as if it were not there; one that can is enough. */
ATF_TC_WITHOUT_HEAD(unusable);
ATF_TC_BODY(unusable, tc)
{
	static const int	 bad[][3] = {
		{ 0, 1, 1 }, { 1, 1, 1 }, { 4, 1, 1 }, { 255, 0, 1 },
		{ 3, 2, 1 }, { 3, 1, 3 }
	};
	struct dns_record	 r[2];
	struct dane		*dane;
	size_t			 i;

	chain(7200);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_EQ_MSG(-1, verdict(bad[i][0], bad[i][1], bad[i][2],
		    t.leaf, "mx.example"), "%zu", i);
	record(&r[0], 3, 1, 1, t.leaf);
	r[0].len--;
	dane = dane_of(r, 1);
	ATF_CHECK(!dane_usable(dane));
	dane_release(dane);
	r[0].len = 2;
	record(&r[1], 3, 1, 1, t.leaf);
	dane = dane_of(r, 2);
	ATF_CHECK(dane_usable(dane));
	dane_release(dane_hold(dane));
	ATF_CHECK(dane_usable(dane));
	dane_release(dane);
	free(r[0].data);
	free(r[1].data);
	clean();
}

/* A peer may show anything. */
ATF_TC_WITHOUT_HEAD(garbage);
ATF_TC_BODY(garbage, tc)
{
	const char		*names[] = { "mx.example", NULL };
	struct dns_record	 r[2];
	struct dane		*dane;
	size_t			 i;

	chain(7200);
	record(&r[0], 3, 1, 1, t.leaf);
	r[0].data[3] ^= 0x11;
	record(&r[1], 2, 1, 1, t.leaf);
	dane = dane_of(r, 2);
	ATF_CHECK_EQ(0, dane_match(dane, "", 0, names));
	ATF_CHECK_EQ(0, dane_match(dane, "-----BEGIN CERTIFICATE-----\n", 28,
	    names));
	for (i = 0; i < t.len; i += 7) {
		t.pem[i] ^= 0x11;
		ATF_CHECK_EQ(0, dane_match(dane, t.pem, t.len, names));
		t.pem[i] ^= 0x11;
		ATF_CHECK_EQ(0, dane_match(dane, t.pem, i, names));
	}
	dane_release(dane);
	free(r[0].data);
	free(r[1].data);
	clean();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, matching);
	ATF_TP_ADD_TC(tp, expired);
	ATF_TP_ADD_TC(tp, not_signed);
	ATF_TP_ADD_TC(tp, unusable);
	ATF_TP_ADD_TC(tp, garbage);
	return (atf_no_error());
}

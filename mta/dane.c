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
 * TLSA records (RFC 6698, 7671) against the certificates that a mail
 * exchanger showed, as RFC 7672 wants it for SMTP: DANE-EE(3) and DANE-TA(2)
 * only.  Called by route.c with what DNS said and by starttls.c after the
 * handshake.  It reads what a stranger sent: a certificate that cannot be read
 * matches nothing.  All of libcrypto's X.509 is used here and nowhere else.
 */

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "mta/dns.h"
#include "mta/secure.h"

#define USAGE_TA	2
#define USAGE_EE	3
#define SELECTOR_CERT	0
#define SELECTOR_SPKI	1
#define MATCHING_FULL	0
#define MATCHING_SHA256	1
#define MATCHING_SHA512	2

#define CHAIN_MAX	16		/* certificates that are looked at */

struct dane_record {
	uint8_t		 usage;
	uint8_t		 selector;
	uint8_t		 matching;
	size_t		 len;
	uint8_t		*data;
};

struct dane {
	unsigned int	 references;
	char		 base[DOMAIN_MAX];
	size_t		 count;		/* those that can be used */
	struct dane_record records[];
};

/* What RFC 7672 3.1 lets us use, of those that we know how to. */
static int
record_read(struct dane_record *to, const struct dns_record *from)
{
	if (from->len < 4)
		return (-1);
	to->usage = from->data[0];
	to->selector = from->data[1];
	to->matching = from->data[2];
	to->len = from->len - 3;
	if (to->usage != USAGE_TA && to->usage != USAGE_EE)
		return (-1);
	if (to->selector > SELECTOR_SPKI || to->matching > MATCHING_SHA512)
		return (-1);
	if ((to->matching == MATCHING_SHA256 && to->len != 32) ||
	    (to->matching == MATCHING_SHA512 && to->len != 64))
		return (-1);
	if ((to->data = malloc(to->len)) == NULL)
		fatal("record_read");
	memcpy(to->data, from->data + 3, to->len);
	return (0);
}

struct dane *
dane_new(const struct dns_answer *a, const char *base)
{
	struct dane	*dane;
	size_t		 i;

	if ((dane = calloc(1, sizeof(*dane) +
	    a->count * sizeof(dane->records[0]))) == NULL)
		fatal("dane_new");
	dane->references = 1;
	strlcpy(dane->base, base, sizeof(dane->base));
	for (i = 0; i < a->count; i++)
		if (a->records[i].type == DNS_TLSA &&
		    record_read(&dane->records[dane->count],
		    &a->records[i]) == 0)
			dane->count++;
	return (dane);
}

struct dane *
dane_hold(struct dane *dane)
{
	if (dane != NULL)
		dane->references++;
	return (dane);
}

void
dane_release(struct dane *dane)
{
	size_t	 i;

	if (dane == NULL || --dane->references > 0)
		return;
	for (i = 0; i < dane->count; i++)
		free(dane->records[i].data);
	free(dane);
}

const char *
dane_base(const struct dane *dane)
{
	return (dane->base);
}

int
dane_usable(const struct dane *dane)
{
	return (dane->count > 0);
}

/* The part of the certificate that a selector means, DER; to OPENSSL_free. */
static int
selected(X509 *cert, int selector, unsigned char **der)
{
	*der = NULL;
	if (selector == SELECTOR_CERT)
		return (i2d_X509(cert, der));
	return (i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), der));
}

static int
record_matches(const struct dane_record *r, X509 *cert)
{
	unsigned char	 digest[EVP_MAX_MD_SIZE], *der;
	unsigned int	 size = 0;
	int		 len, same = 0;

	if ((len = selected(cert, r->selector, &der)) <= 0)
		return (0);
	if (r->matching == MATCHING_FULL)
		same = (size_t)len == r->len && memcmp(der, r->data,
		    r->len) == 0;
	else if (EVP_Digest(der, (size_t)len, digest, &size,
	    r->matching == MATCHING_SHA256 ? EVP_sha256() : EVP_sha512(),
	    NULL) == 1)
		same = size == r->len && memcmp(digest, r->data, size) == 0;
	OPENSSL_free(der);
	return (same);
}

static int
matches(const struct dane *dane, int usage, X509 *cert)
{
	size_t	 i;

	for (i = 0; i < dane->count; i++)
		if (dane->records[i].usage == usage &&
		    record_matches(&dane->records[i], cert))
			return (1);
	return (0);
}

/* The anchors: certificates of the chain, or whole ones in the records. */
static X509_STORE *
anchors(const struct dane *dane, STACK_OF(X509) *chain)
{
	const struct dane_record	*r;
	const unsigned char		*der;
	X509_STORE			*store;
	X509				*cert;
	size_t				 i;
	int				 n = 0, at;

	if ((store = X509_STORE_new()) == NULL)
		return (NULL);
	for (at = 1; at < sk_X509_num(chain); at++) {
		cert = sk_X509_value(chain, at);
		if (matches(dane, USAGE_TA, cert))
			n += X509_STORE_add_cert(store, cert);
	}
	for (i = 0; i < dane->count; i++) {
		r = &dane->records[i];
		if (r->usage != USAGE_TA || r->selector != SELECTOR_CERT ||
		    r->matching != MATCHING_FULL || r->len > LONG_MAX)
			continue;
		der = r->data;
		if ((cert = d2i_X509(NULL, &der, (long)r->len)) == NULL)
			continue;
		n += X509_STORE_add_cert(store, cert);
		X509_free(cert);
	}
	if (n > 0)
		return (store);
	X509_STORE_free(store);
	return (NULL);
}

/* RFC 7672 3.2.2: one of the names that led here. */
static int
named(X509 *cert, const char *const names[])
{
	for (; *names != NULL; names++)
		if (X509_check_host(cert, *names, strlen(*names), 0, NULL) ==
		    1)
			return (1);
	return (0);
}

/* Whether an anchor of the records vouches for the first certificate. */
static int
anchored(const struct dane *dane, STACK_OF(X509) *chain,
    const char *const names[])
{
	X509		*cert = sk_X509_value(chain, 0);
	X509_STORE	*store;
	X509_STORE_CTX	*context;
	int		 good = 0;

	if (!named(cert, names) || (store = anchors(dane, chain)) == NULL)
		return (0);
	if ((context = X509_STORE_CTX_new()) != NULL &&
	    X509_STORE_CTX_init(context, store, cert, chain) == 1) {
		X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
		X509_STORE_CTX_set_flags(context, X509_V_FLAG_PARTIAL_CHAIN);
		good = X509_verify_cert(context) == 1;
	}
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return (good);
}

static STACK_OF(X509) *
chain_read(const char *pem, size_t len)
{
	STACK_OF(X509)	*chain;
	X509		*cert;
	BIO		*bio;

	if (len > INT_MAX || (bio = BIO_new_mem_buf(pem, (int)len)) == NULL)
		return (NULL);
	chain = sk_X509_new_null();
	while (chain != NULL && sk_X509_num(chain) < CHAIN_MAX &&
	    (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		if (sk_X509_push(chain, cert) == 0)
			X509_free(cert);
	BIO_free(bio);
	return (chain);
}

int
dane_match(const struct dane *dane, const char *pem, size_t len,
    const char *const names[])
{
	STACK_OF(X509)	*chain;
	int		 good = 0;

	if ((chain = chain_read(pem, len)) == NULL)
		return (0);
	if (sk_X509_num(chain) > 0)
		good = matches(dane, USAGE_EE, sk_X509_value(chain, 0)) ||
		    anchored(dane, chain, names);
	sk_X509_pop_free(chain, X509_free);
	/* the end of the text left an error behind, for nobody */
	ERR_clear_error();
	return (good);
}

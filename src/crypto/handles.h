// Owners of OpenSSL's objects (private to this folder).
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <memory>

namespace sluice::crypto {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freed<Free>>;

using OwnedBio = Owned<BIO, &BIO_free>;
using OwnedNumber = Owned<BIGNUM, &BN_free>;
using OwnedSignature = Owned<ECDSA_SIG, &ECDSA_SIG_free>;
using OwnedKey = Owned<EVP_PKEY, &EVP_PKEY_free>;
using OwnedKeyContext = Owned<EVP_PKEY_CTX, &EVP_PKEY_CTX_free>;
using OwnedHashContext = Owned<EVP_MD_CTX, &EVP_MD_CTX_free>;
using OwnedCipherContext = Owned<EVP_CIPHER_CTX, &EVP_CIPHER_CTX_free>;
using OwnedParameterBuilder = Owned<OSSL_PARAM_BLD, &OSSL_PARAM_BLD_free>;
using OwnedParameters = Owned<OSSL_PARAM, &OSSL_PARAM_free>;
using OwnedCertificate = Owned<X509, &X509_free>;

}  // namespace sluice::crypto

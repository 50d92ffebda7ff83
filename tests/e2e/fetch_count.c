/* LD_PRELOAD: counts how often an algorithm is looked up by name in OpenSSL, in a file that SLUICE_FETCH_COUNT names (8 bytes,
 * mapped). A look-up takes locks that all threads share, and half a microsecond. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t unmapped;
static _Atomic uint64_t* count = &unmapped;

__attribute__((constructor)) static void map_count(void) {
  const char* path = getenv("SLUICE_FETCH_COUNT");
  int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (file < 0 || ftruncate(file, 4096) != 0) return;
  void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (page != MAP_FAILED) count = page;
}

typedef void* fetch(void* library, const char* algorithm, const char* properties);

#define COUNTED(name)                                                                 \
  void* name(void* library, const char* algorithm, const char* properties) {          \
    static fetch* real;                                                               \
    if (!real) real = (fetch*)dlsym(RTLD_NEXT, #name);                                \
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);                        \
    return real(library, algorithm, properties);                                      \
  }

COUNTED(EVP_CIPHER_fetch)
COUNTED(EVP_MD_fetch)
COUNTED(EVP_MAC_fetch)
COUNTED(EVP_KDF_fetch)
COUNTED(EVP_RAND_fetch)
COUNTED(EVP_SIGNATURE_fetch)
COUNTED(EVP_KEYEXCH_fetch)
COUNTED(EVP_KEYMGMT_fetch)

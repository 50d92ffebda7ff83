// The certificates of the tests of net/, for this program too.
#include "unit/net/certificates.cc"

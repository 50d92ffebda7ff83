// What [tls.NAME] and an upstream's tls say, in the words of the TLS contexts that are made of it.
#pragma once

#include <string>

#include "net/tls_client_context.h"
#include "net/tls_server_context.h"
#include "snapshot/config.h"

namespace sluice::snapshot {

/// The name in messages and metrics: "tls.site", "upstream.orders".
std::string tls_name(const config::Section<TlsConfig>& section);
std::string tls_name(const config::Section<upstream::UpstreamConfig>& section);
std::string tls_name(const config::Section<RedisConfig>& section);

/// Without the keys of tickets, which outlive the table.
net::TlsServerOptions tls_options(const config::Section<TlsConfig>& section);
/// needs: an upstream that uses TLS
net::TlsClientOptions tls_options(const config::Section<upstream::UpstreamConfig>& section);
/// needs: a Redis that uses TLS
net::TlsClientOptions tls_options(const config::Section<RedisConfig>& section);

}  // namespace sluice::snapshot

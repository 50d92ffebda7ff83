// The keys of [route.NAME] that are not policies', for the section that holds both
// (snapshot/sections.cc).
#pragma once

#include "route/route_config.h"

namespace sluice::route {

inline constexpr config::Field kRouteFields[] = {
    config::field<&RouteConfig::match>(
        {.name = "match",
         .about = "Which requests this route takes.",
         .example = "{ host = \"api.example.com\", path = \"/orders/{id}\" }",
         .need = config::Need::required,
         .instead_of = "host hosts path paths method methods hostname server_name domain domains prefix path_prefix uri "
                       "location rule"}),
    config::field<&RouteConfig::priority>(
        {.name = "priority",
         .about = "Decides between routes of one host and path whose header and query "
                  "matches overlap: higher comes first.",
         .reason = "specificity decides",
         .range = {0, 1'000'000}}),
    config::field<&RouteConfig::upstream>({.name = "upstream",
                                           .about = "The [upstream.NAME] that answers.",
                                           .example = "\"orders\"",
                                           .instead_of = "backend proxy_pass servers target url service backends proxy "
                                                         "reverse_proxy"}),
    config::field<&RouteConfig::redirect>(
        {.name = "redirect",
         .about = "Sends the client elsewhere instead.",
         .example = "{ to = \"https://new.example.com/{path.**}\", status = 308 }"}),
    config::field<&RouteConfig::respond>({.name = "respond",
                                          .about = "Answers by itself instead.",
                                          .example = "{ status = 410, body = \"gone\" }",
                                          .instead_of = "response return static"}),
    config::field<&RouteConfig::rewrite>(
        {.name = "rewrite",
         .about = "Changes of the request for the upstream.",
         .example = "{ path = \"/{**}\" }",
         .instead_of = "strip_prefix strip_path stripPrefix prefix_rewrite url_rewrite"}),
    config::field<&RouteConfig::timeout>(
        {.name = "timeout", .about = "Patience of this route, in place of its upstream's."}),
    config::field<&RouteConfig::limits>(
        {.name = "limits",
         .about = "Limits of this route, in place of its listener's.",
         .example = "{ body = \"100MiB\" }",
         .instead_of = "client_max_body_size body_limit body_size max_body_size max_body request_size"}),
    config::field<&RouteConfig::websocket>(
        {.name = "websocket",
         .about = "How sockets of a route with match.upgrade = \"websocket\" are held.",
         .example = "{ idle = \"5m\" }"}),
    config::field<&RouteConfig::grpc_web>(
        {.name = "grpc_web",
         .about = "Requests of gRPC-Web, binary and text, become gRPC for the upstream. Others pass as they are.",
         .reason = "only browsers need it"}),
    config::later("retry"),
    config::later("validate"),
    config::later("transform"),
    config::later("compress"),
    config::later("cache"),
    config::later("waf"),
};

}  // namespace sluice::route

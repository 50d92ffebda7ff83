// Every refusal of the HTTP/1 parser and of the request target. All of them end the connection:
// after a message whose borders are in doubt nothing that follows can be trusted.
#pragma once

#include "http/problem.h"

namespace sluice::http {

// Request line and target
inline constexpr Problem kRequestLineTooLong{
    414, "request_line_too_long", "Request line too long",
    "The request line is longer than this server allows. Shorten the URL or send data in the "
    "body.",
    true};
inline constexpr Problem kBadRequestLine{
    400, "bad_request_line", "Malformed request line",
    "The first line must be a method, one space, a target, one space and HTTP/1.0 or HTTP/1.1.",
    true};
inline constexpr Problem kUnsupportedVersion{
    505, "unsupported_version", "HTTP version not supported",
    "Send HTTP/1.1 or HTTP/1.0.",
    true};
inline constexpr Problem kUnknownMethod{
    501, "unknown_method", "Method not implemented",
    "This server does not forward the request's method. Methods are case-sensitive.",
    true};
inline constexpr Problem kConnectRefused{
    501, "connect_refused", "CONNECT not implemented",
    "This server is a gateway and opens no tunnels on request.",
    true};
inline constexpr Problem kTraceRefused{
    501, "trace_refused", "TRACE not implemented",
    "TRACE would echo credentials to the caller and is never forwarded.",
    true};
inline constexpr Problem kBadTarget{
    400, "bad_target", "Malformed request target",
    "Send the target as a path that begins with a slash, an http or https URL, or * with OPTIONS.",
    true};
inline constexpr Problem kBadPath{
    400, "bad_path", "Malformed path",
    "The path holds a byte that must be percent-encoded, a broken or forbidden percent-encoding, "
    "or leads above the root.",
    true};
inline constexpr Problem kEncodedSlash{
    400, "encoded_slash", "Encoded slash in the path",
    "An encoded slash or backslash in the path is not accepted here, because servers disagree on "
    "what it means.",
    true};
inline constexpr Problem kEmptySegment{
    400, "empty_segment", "Double slash in the path",
    "An empty path segment is not accepted here. Send single slashes.",
    true};
inline constexpr Problem kMissingHost{
    400, "missing_host", "Host field missing",
    "An HTTP/1.1 request needs one Host field.",
    true};
inline constexpr Problem kBadHost{
    400, "bad_host", "Malformed host",
    "Send exactly one Host: a name or address with an optional port, and nothing else.",
    true};
inline constexpr Problem kHostMismatch{
    400, "host_mismatch", "Host and target disagree",
    "The target is an absolute URL whose host is not that of the Host field. Send the same in "
    "both.",
    true};

// Head and trailer blocks
inline constexpr Problem kHeadersTooLarge{
    431, "headers_too_large", "Header fields too large",
    "The header fields together are larger than this server allows. Send less, for example "
    "cookies.",
    true};
inline constexpr Problem kTooManyHeaders{
    431, "too_many_headers", "Too many header fields",
    "The request has more header fields than this server allows. Send fewer.",
    true};
inline constexpr Problem kBareLf{
    400, "bare_lf", "Line feed without carriage return",
    "Every line must end with CR LF.",
    true};
inline constexpr Problem kBareCr{
    400, "bare_cr", "Carriage return without line feed",
    "A carriage return may only stand before a line feed.",
    true};
inline constexpr Problem kControlByte{
    400, "control_byte", "Control byte in the head",
    "The head holds a control byte. (A TLS client hello sent to a plain port looks like this.)",
    true};
inline constexpr Problem kFoldedLine{
    400, "folded_line", "Folded header line",
    "A header line begins with a space or tab. Send each field on one line.",
    true};
inline constexpr Problem kBadFieldName{
    400, "bad_field_name", "Malformed field name",
    "A field name must be a token, directly followed by a colon.",
    true};
inline constexpr Problem kBadField{
    400, "bad_field", "Malformed header field",
    "A header line is no name, colon and value of printable characters.",
    true};
inline constexpr Problem kAmbiguousFieldName{
    400, "ambiguous_field_name", "Ambiguous field name",
    "Some servers read Content_Length and Transfer_Encoding as the fields with a hyphen. Rename "
    "it.",
    true};
inline constexpr Problem kBadTrailer{
    400, "bad_trailer", "Field not allowed as a trailer",
    "Framing, routing and authentication fields, and those that describe the body, must be sent "
    "before it.",
    true};

// Framing and hop-by-hop fields
inline constexpr Problem kBadContentLength{
    400, "bad_content_length", "Malformed Content-Length",
    "Send one Content-Length of decimal digits without leading zeros, and no Transfer-Encoding "
    "with it.",
    true};
inline constexpr Problem kBadTransferEncoding{
    400, "bad_transfer_encoding", "Malformed Transfer-Encoding",
    "Send one Transfer-Encoding: chunked, in HTTP/1.1 only and without Content-Length.",
    true};
inline constexpr Problem kUnknownTransferCoding{
    501, "unknown_transfer_coding", "Transfer coding not implemented",
    "The only transfer coding that this server takes is chunked. Use Content-Encoding to "
    "compress.",
    true};
inline constexpr Problem kBadConnection{
    400, "bad_connection", "Malformed Connection field",
    "Connection names a field that must reach the server behind, too many fields, or something "
    "that is no field name.",
    true};
inline constexpr Problem kBadExpect{
    417, "bad_expect", "Expectation not supported",
    "The only expectation that this server meets is 100-continue.",
    true};

// Body
inline constexpr Problem kBodyTooLarge{
    413, "body_too_large", "Body too large",
    "The request body is larger than this server allows.",
    true};
inline constexpr Problem kChunkInvalid{
    400, "chunk_invalid", "Malformed chunk",
    "A chunk is a hexadecimal size, CR LF, that many bytes, CR LF; nothing may stand around the "
    "size.",
    true};
inline constexpr Problem kChunkOverhead{
    400, "chunk_overhead", "Too many chunk extensions",
    "The chunk extensions are larger than the body that they come with. Send none.",
    true};

/// All of them, for the catalogue.
inline constexpr const Problem* kH1Problems[] = {
    &kRequestLineTooLong,
    &kBadRequestLine,
    &kUnsupportedVersion,
    &kUnknownMethod,
    &kConnectRefused,
    &kTraceRefused,
    &kBadTarget,
    &kBadPath,
    &kEncodedSlash,
    &kEmptySegment,
    &kMissingHost,
    &kBadHost,
    &kHostMismatch,
    &kHeadersTooLarge,
    &kTooManyHeaders,
    &kBareLf,
    &kBareCr,
    &kControlByte,
    &kFoldedLine,
    &kBadFieldName,
    &kBadField,
    &kAmbiguousFieldName,
    &kBadTrailer,
    &kBadContentLength,
    &kBadTransferEncoding,
    &kUnknownTransferCoding,
    &kBadConnection,
    &kBadExpect,
    &kBodyTooLarge,
    &kChunkInvalid,
    &kChunkOverhead,
};

}  // namespace sluice::http

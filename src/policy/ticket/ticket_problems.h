// What becomes of a ticket that cannot be taken, or made.
#pragma once

#include "http/problem.h"

namespace sluice::policy {

inline constexpr http::Problem kTicketUnknown{
    401, "ticket_unknown", "Ticket Not Accepted",
    "The ticket was used before, has expired, or was never issued: ask for a new one."};
inline constexpr http::Problem kTicketsFull{
    503, "tickets_full", "Too Many Tickets",
    "More tickets are out than the gateway remembers: try again shortly."};
inline constexpr http::Problem kTicketStoreUnavailable{
    503, "ticket_store_unavailable", "Service Unavailable",
    "Tickets can neither be issued nor taken at the moment: try again shortly."};

inline constexpr const http::Problem* kTicketProblems[] = {&kTicketUnknown, &kTicketsFull, &kTicketStoreUnavailable};

}  // namespace sluice::policy

// The families that workers count, summed over their shards and written with our own serialiser:
// prometheus-cpp takes thirty times as long for 10,000 routes.
#pragma once

#include "observe/registry.h"
#include "observe/service_counts.h"
#include "observe/text_page.h"

namespace sluice::observe {

/// cost: about 0.1 us a line        needs: the keeper's thread
void write_tables(const Registry& registry, TextPage& page);
void write_services(const ServiceCounts& services, TextPage& page);

}  // namespace sluice::observe

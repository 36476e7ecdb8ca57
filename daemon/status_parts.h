#pragma once

#include <string>

#include "tether/admin/status.h"
#include "tether/delivery/courier.h"
#include "tether/link/link.h"
#include "tether/log/redactor.h"
#include "tether/store/overview.h"
#include "tether/sync/memory.h"

/// What each part of the daemon contributes to the status: plain translations, no decisions.
namespace tether::daemon {

void describe_link(const link::Snapshot& link, Status& status);
void describe_sync(const sync::Standing& standing, const sync::Marks& marks, Status& status);
void describe_gateway(const delivery::Courier& courier, const sync::Marks& marks, const Redactor& redactor,
                      Status& status);
void describe_store(const store::Overview& overview, const Redactor& redactor, Status& status);

/// 128 random bits in hexadecimal: an epoch's name.
std::string new_epoch();

}  // namespace tether::daemon

#pragma once

#include <functional>

#include "control_plane.h"
#include "daemon.h"

namespace tether::sim {

/// Reads an answer's bytes with the real parsers, as daemon/answer_reader.cpp does, and gives what is in them to the
/// engine piece by piece. `packed`: batches as a real archive. Returns how the request ended.
sync::RequestOutcome read_answer(const sync::SendRequest& request, const Answer& answer, bool packed,
                                 const std::function<void(Daemon::Input)>& give);

}  // namespace tether::sim

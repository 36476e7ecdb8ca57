#pragma once

#include "tether/settings/settings.h"
#include "tether/terminal/doctor.h"

namespace tether::daemon {

/// What each step of `tetherd doctor` does with these settings, which outlive it. Without its words to the person.
terminal::DoctorEnds doctor_steps(const Settings& settings);

}  // namespace tether::daemon

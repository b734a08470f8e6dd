// deepgemm-db.
#pragma once

#include "app/hardware.h"

namespace deepgemm::app {

// The whole command; returns the exit code.
int db_main(int argc, const char* const* argv, const Hardware& hardware);

}  // namespace deepgemm::app

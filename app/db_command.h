// deepgemm-db.
#pragma once

namespace deepgemm::app {

// The whole command; returns the exit code.
int db_main(int argc, const char* const* argv);

}  // namespace deepgemm::app

// deepgemm-bench show as a function. Needs no GPU.
#pragma once

namespace deepgemm::app {

// Whether this command line of deepgemm-bench asks to show a report that was written before.
bool asks_for_show(int argc, const char* const* argv);

// Runs it and returns its exit code.
int show_main(int argc, const char* const* argv);

}  // namespace deepgemm::app

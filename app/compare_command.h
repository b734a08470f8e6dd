// deepgemm-bench compare as a function. Needs no GPU.
#pragma once

namespace deepgemm::app {

// Whether this command line of deepgemm-bench asks for a comparison.
bool asks_for_comparison(int argc, const char* const* argv);

// Runs it and returns its exit code.
int compare_main(int argc, const char* const* argv);

}  // namespace deepgemm::app

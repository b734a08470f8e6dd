// Two threads and one number: what ThreadSanitizer must complain of, so that its silence means
// something.
#include <thread>

int main() {
  int shared = 0;
  std::thread other([&shared] { ++shared; });
  ++shared;
  other.join();
  return shared == 2 ? 0 : 1;
}

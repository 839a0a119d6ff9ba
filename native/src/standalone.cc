// What a prebuilt binary would otherwise need libstdc++.so for, so that one binary loads with every glibc since 2.17 and with musl.
// Compiled by native/build-prebuilds.mjs only: whoever compiles the addon for himself has libstdc++.so. The rest (std::map, std::list)
// is linked in from libstdc++.a. Nothing here is seen outside the binary: memory is got and freed within it.
#ifdef RINGMASTER_STANDALONE

#include <cstdlib>
#include <cstring>
#include <new>
#include <unistd.h>

namespace {

// The addon is compiled without exceptions: what would be thrown ends the process either way, here with a line that says why.
[[noreturn]] void end_process(const char* why) {
  (void)!write(STDERR_FILENO, "ringmaster: ", 12);
  (void)!write(STDERR_FILENO, why, std::strlen(why));
  (void)!write(STDERR_FILENO, "\n", 1);
  std::abort();
}

}  // namespace

void* operator new(size_t size) {
  void* memory = std::malloc(size > 0 ? size : 1);  // a result of its own for each call, as the standard asks
  if (memory == nullptr) end_process("out of memory");
  return memory;
}
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

extern "C" void __cxa_pure_virtual() { end_process("a pure virtual function was called"); }

namespace std {
void __throw_bad_alloc() { end_process("out of memory"); }
void __throw_bad_array_new_length() { end_process("an array is too long"); }
void __throw_length_error(const char* what) { end_process(what); }
void __throw_system_error(int) { end_process("a mutex cannot be locked"); }
}  // namespace std

#endif

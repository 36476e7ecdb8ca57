# What makes a build from nothing take less time, without building less.

# The sources of a target in few large ones: each third party's headers are read, and what they generate is compiled,
# once for eight of ours. Any change then compiles eight, hence off for daily work; .ci/run asks for it. The sources of a
# target may then not use one name for two things, in unnamed namespaces either.
option(TETHER_UNITY "Compile sources together, for a build from nothing" OFF)
if(TETHER_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC takes what is included for a header, in which a class had better not hold one of an unnamed namespace.
    target_compile_options(tether_warnings INTERFACE -Wno-subobject-linkage)
  endif()
endif()

# Optimising the sanitizers' checks takes most of the time of compiling a test. What waits more than it computes runs as
# fast without; what is tested is optimised all the same.
function(tether_spare_optimising name)
  if(TETHER_SANITIZER)
    target_compile_options(${name} PRIVATE -O0)
  endif()
endfunction()

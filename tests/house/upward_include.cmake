# With the include folders that the core's `link` is compiled with, its own header is found and the store's is not:
# an include against the arrows does not compile.
list(TRANSFORM INCLUDES PREPEND "-I")

function(compile header result)
  file(WRITE "${WORK}/include_probe.cpp" "#include \"${header}\"\n")
  execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only ${INCLUDES} "${WORK}/include_probe.cpp"
    RESULT_VARIABLE status ERROR_VARIABLE errors)
  set(${result} "${status}" PARENT_SCOPE)
  set(errors "${errors}" PARENT_SCOPE)
endfunction()

compile("tether/link/link.h" own)
if(NOT own EQUAL 0)
  message(FATAL_ERROR "the library's own header does not compile:\n${errors}")
endif()
compile("tether/store/store.h" upward)
if(upward EQUAL 0 OR NOT errors MATCHES "store.h")
  message(FATAL_ERROR "lib/link can include lib/store")
endif()

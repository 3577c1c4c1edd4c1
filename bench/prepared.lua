-- wrk's script: sends requests that were prepared beforehand, in turn. Prints a line at the first one, and at
-- the end what came of it as one line of JSON.
-- Its argument is a file of them: the length in bytes on a line of its own, then the request as it goes over the wire.

local requests, sent = {}, 0

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   local length = file:read("*n")
   while length do
      file:read(1)
      requests[#requests + 1] = file:read(length)
      length = file:read("*n")
   end
   file:close()
end

function request()
   if sent == 0 then
      print("started")
      io.flush()
   end
   sent = sent % #requests + 1
   return requests[sent]
end

function done(summary, latency, _)
   local errors = summary.errors
   io.write(string.format(
      '{"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, '
         .. '"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
      summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
      errors.connect, errors.read, errors.write, errors.status, errors.timeout
   ))
end

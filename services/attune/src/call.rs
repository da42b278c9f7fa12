//! `attune call`: any RPC through the server's reflection, like grpcurl. Knows no contract at compile time.

use std::io::Read as _;

use attune_client::Channel;
use futures::{StreamExt as _, stream};
use prost::Message as _;
use prost::bytes::{Buf as _, BufMut as _};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};
use tonic_types::StatusExt as _;

use crate::connect::connect;
use crate::exit::Failure;
use crate::options::CallOptions;
use crate::output;

/// Calls the method and prints each answer as JSON.
///
/// # Errors
/// Usage for an unknown method, bad input for JSON that does not fit, or the server's own status.
pub(crate) async fn run(options: CallOptions) -> Result<(), Failure> {
    let channel = connect(&options.address)?;
    let (service, name) = options
        .method
        .trim_start_matches('/')
        .rsplit_once('/')
        .ok_or_else(|| Failure::usage("METHOD must be package.Service/Method"))?;
    let method = describe(channel.clone(), service, name).await?;
    let requests = requests(&method, &options.json)?;
    let path = format!("/{service}/{name}").parse().map_err(|_| Failure::usage("METHOD is not a path"))?;
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;
    let codec = DynamicCodec { output: method.output() };
    // A unary call is a stream of one on the wire, so one way serves all four kinds.
    let answer = client.streaming(Request::new(stream::iter(requests)), path, codec).await;
    let mut answers = answer.map_err(|status| failed(&status))?.into_inner();
    while let Some(answer) = answers.next().await {
        output::print_json(&Json(answer.map_err(|status| failed(&status))?))?;
    }
    Ok(())
}

/// A status with everything it says about the request.
fn failed(status: &Status) -> Failure {
    let details = status.get_error_details();
    let mut message = format!("{:?}: {}", status.code(), status.message());
    if let Some(info) = details.error_info() {
        message.push_str(&format!("\n  reason: {}", info.reason));
    }
    for violation in details.bad_request().into_iter().flat_map(|bad| &bad.field_violations) {
        message.push_str(&format!("\n  {}: {}", violation.field, violation.description));
    }
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => Failure::unavailable(message),
        Code::InvalidArgument | Code::NotFound | Code::OutOfRange => Failure::input(message),
        _ => Failure::other(message),
    }
}

/// Asks the server for the descriptor of a method.
async fn describe(channel: Channel, service: &str, name: &str) -> Result<MethodDescriptor, Failure> {
    let symbol = MessageRequest::FileContainingSymbol(service.to_owned());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(symbol) };
    let mut client = ServerReflectionClient::new(channel);
    let mut answers =
        client.server_reflection_info(stream::iter([request])).await.map_err(|status| failed(&status))?.into_inner();
    let mut pool = DescriptorPool::new();
    while let Some(ServerReflectionResponse { message_response, .. }) =
        answers.message().await.map_err(|status| failed(&status))?
    {
        match message_response {
            Some(MessageResponse::FileDescriptorResponse(files)) => {
                let files: Vec<prost_types::FileDescriptorProto> = files
                    .file_descriptor_proto
                    .iter()
                    .map(|bytes| prost_types::FileDescriptorProto::decode(bytes.as_slice()))
                    .collect::<Result<_, _>>()
                    .map_err(|error| Failure::other(format!("reflection answered something else: {error}")))?;
                add(&mut pool, files, client.clone()).await?;
            }
            Some(MessageResponse::ErrorResponse(error)) => {
                return Err(Failure::usage(format!("the server has no service {service}: {}", error.error_message)));
            }
            _ => {}
        }
    }
    let service = pool
        .get_service_by_name(service)
        .ok_or_else(|| Failure::usage(format!("the server has no service {service}")))?;
    let method = service.methods().find(|method| method.name() == name);
    method.ok_or_else(|| {
        let names: Vec<String> = service.methods().map(|method| method.name().to_owned()).collect();
        Failure::usage(format!("{} has no method {name}; it has {}", service.full_name(), names.join(", ")))
    })
}

/// Adds files with everything they import, which a server may send one by one.
async fn add(
    pool: &mut DescriptorPool,
    files: Vec<prost_types::FileDescriptorProto>,
    mut client: ServerReflectionClient<Channel>,
) -> Result<(), Failure> {
    let mut known = files;
    loop {
        let missing = known
            .iter()
            .flat_map(|file| &file.dependency)
            .find(|name| !known.iter().any(|file| file.name() == name.as_str()))
            .cloned();
        let Some(missing) = missing else { break };
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::FileByFilename(missing.clone())),
        };
        let mut answers = client
            .server_reflection_info(stream::iter([request]))
            .await
            .map_err(|status| failed(&status))?
            .into_inner();
        let before = known.len();
        while let Some(answer) = answers.message().await.map_err(|status| failed(&status))? {
            if let Some(MessageResponse::FileDescriptorResponse(files)) = answer.message_response {
                for bytes in files.file_descriptor_proto {
                    let file = prost_types::FileDescriptorProto::decode(bytes.as_slice())
                        .map_err(|error| Failure::other(format!("reflection answered something else: {error}")))?;
                    if !known.iter().any(|one| one.name() == file.name()) {
                        known.push(file);
                    }
                }
            }
        }
        if known.len() == before {
            return Err(Failure::other(format!("the server does not describe {missing}")));
        }
    }
    pool.add_file_descriptor_protos(known)
        .map_err(|error| Failure::other(format!("reflection is inconsistent: {error}")))
}

/// The JSON objects as requests.
fn requests(method: &MethodDescriptor, json: &str) -> Result<Vec<DynamicMessage>, Failure> {
    let mut text = json.to_owned();
    if json == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text)?;
    }
    let mut out = Vec::new();
    let mut rest = serde_json::Deserializer::from_str(&text);
    while rest.end().is_err() {
        let message = DynamicMessage::deserialize(method.input(), &mut rest)
            .map_err(|error| Failure::input(format!("JSON does not fit {}: {error}", method.input().full_name())))?;
        out.push(message);
    }
    if out.len() != 1 && !method.is_client_streaming() {
        return Err(Failure::usage(format!("{} takes one request, {} were given", method.full_name(), out.len())));
    }
    Ok(out)
}

/// A message in the field names of its contract.
struct Json(DynamicMessage);

impl serde::Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let options = SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
        self.0.serialize_with_options(serializer, &options)
    }
}

/// Messages by their descriptors.
struct DynamicCodec {
    output: MessageDescriptor,
}

struct DynamicEncoder;
struct DynamicDecoder(MessageDescriptor);

impl Codec for DynamicCodec {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = DynamicEncoder;
    type Decoder = DynamicDecoder;

    fn encoder(&mut self) -> DynamicEncoder {
        DynamicEncoder
    }

    fn decoder(&mut self) -> DynamicDecoder {
        DynamicDecoder(self.output.clone())
    }
}

impl Encoder for DynamicEncoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item.encode_to_vec());
        Ok(())
    }
}

impl Decoder for DynamicDecoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let whole = bytes.copy_to_bytes(bytes.remaining());
        DynamicMessage::decode(self.0.clone(), whole)
            .map(Some)
            .map_err(|error| Status::internal(format!("the answer does not decode: {error}")))
    }
}
